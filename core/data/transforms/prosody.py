"""Prosody: how high, how loud and how long, without what is said: F0, voicing, energy and the length of the voiced stretch.

F0 by YIN's difference function along a cheapest path (:mod:`core.data.features.pitch`). In semitones from the clip's own median a
high and a low voice that say the same tone look the same. Axes: F channels (pitch, voicing, energy, duration), T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.data.bands import OfSound
from core.data.catalog import transforms
from core.data.features.frames import framed
from core.data.features.pitch import Contour, contour
from core.data.features.shape import level
from core.graph.ports import port
from core.knobs import knob
from core.problems import Fix, Problem

UNITS = ("semitones from the median", "semitones", "Hz")
CHANNELS = 4
REFERENCE_HERTZ = 55.0  # of semitones that are not from the median
QUIET_DB = 60.0  # below the loudest frame: energy 0 there, 1 in the loudest


@transforms.register("transforms.prosody")
class Prosody(OfSound):
    """Turns audio into pitch, voicing, energy and duration over time."""

    title = "Prosody"
    gives = {"spectrogram": port("spectrogram", "four channels over time: pitch, voicing, energy, duration")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Range and unit of the pitch."""

        hop: int = knob(160, "Samples between two frames.", low=1, high=16_384, unit="samples")
        low_hertz: float = knob(
            60.0, "Lowest pitch that is looked for.", low=20, high=2000, unit="Hz", title="Lowest pitch"
        )
        high_hertz: float = knob(
            600.0, "Highest pitch that is looked for.", low=40, high=4000, unit="Hz", title="Highest pitch"
        )
        unit: str = knob(
            "semitones from the median", "What pitch is told in; where there is no voice it goes on from where one was.",
            choices=UNITS, title="Pitch unit",
        )  # fmt: skip

    def bands(self) -> int:
        """Pitch, voicing, energy, duration."""
        return CHANNELS

    def window(self, hertz: int) -> int:
        """Two of the longest periods."""
        return 2 * (int(hertz / self.config.low_hertz) + 2)

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        knobs = self.config
        found = contour(waveform_S, hertz, knobs.hop, knobs.low_hertz, knobs.high_hertz)
        loud_T = 20 * level(framed(waveform_S, self.window(hertz), knobs.hop)).clamp_min(1e-6).log10()
        energy_T = ((loud_T - loud_T.max() + QUIET_DB) / QUIET_DB).clamp_min(0)
        long_T = stretches(found.voiced_T) * (knobs.hop / hertz)
        return torch.stack([self._pitch(found), found.voiced_T.float(), energy_T, long_T])

    def _pitch(self, found: Contour) -> Tensor:
        if self.config.unit == "Hz":
            return found.hertz_T
        if not bool(found.voiced_T.any()):
            return torch.zeros_like(found.hertz_T)
        semitones_T = 12 * torch.log2(found.hertz_T.clamp_min(1.0) / REFERENCE_HERTZ)
        if self.config.unit != "semitones":
            semitones_T = semitones_T - semitones_T[found.voiced_T].median()
        return carried_on(semitones_T, found.voiced_T)

    def band_problems(self, hertz: int) -> list[Problem]:
        """The lowest pitch lies below the highest, and that below a quarter of the rate."""
        knobs = self.config
        if knobs.low_hertz < knobs.high_hertz <= hertz / 4:
            return []
        fix = Fix(text="Look up to 600 Hz", edit="set_knob", arguments={"name": "high_hertz", "value": 600.0})
        return [
            Problem(
                what=f"Pitch is looked for between {knobs.low_hertz:g} and {knobs.high_hertz:g} Hz, which sounds at {hertz:,} Hz do not allow.",
                hint="The lowest must lie below the highest, and the highest at most at a quarter of the sample rate.",
                fix=fix if knobs.low_hertz < 600 <= hertz / 4 else None,
            )
        ]  # fmt: skip


def stretches(voiced_T: Tensor) -> Tensor:
    """How many frames the voiced stretch has that each frame lies in, 0 outside [T]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced_T.numpy().astype(np.int8), [0]])))
    made_T = torch.zeros(len(voiced_T))
    for first, last in zip(edges[::2], edges[1::2]):
        made_T[first:last] = float(last - first)
    return made_T


def carried_on(pitch_T: Tensor, voiced_T: Tensor) -> Tensor:
    """Straight lines between voiced frames, even before the first and behind the last [T]."""
    there = np.flatnonzero(voiced_T.numpy())
    made = np.interp(np.arange(len(pitch_T)), there, pitch_T.numpy()[there])
    return torch.from_numpy(made).float()
