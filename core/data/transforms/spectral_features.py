"""Four numbers a frame that have names: zero-crossing rate, centroid, rolloff, level. Axes: F numbers, T frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.bands import OfSound, evened
from core.data.catalog import transforms
from core.data.features.frames import framed, frequencies, spectrum
from core.data.features.shape import centroid, crossing_rate, level, rolloff
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem

NAMES = ("zero_crossings", "centroid", "rolloff", "level")


@transforms.register("transforms.spectral_features")
class SpectralFeatures(OfSound):
    """Turns audio into a few numbers a frame: zero-crossing rate, spectral centroid, spectral rolloff, RMS level."""

    title = "Spectral features"
    gives = {"spectrogram": port("spectrogram", "the chosen numbers over time")}

    @dataclass(frozen=True, kw_only=True)
    class Config(OfSound.Config):
        """Which."""

        zero_crossings: bool = knob(
            True, "How often the sign changes, as a share of the samples.", title="Zero-crossing rate"
        )
        centroid: bool = knob(True, "The mean frequency by magnitude, in Hz.", title="Spectral centroid")
        rolloff: bool = knob(
            True, "The frequency below which 85 % of the magnitude lies, in Hz.", title="Spectral rolloff"
        )
        level: bool = knob(True, "Root mean square of the samples.", title="RMS level")
        normalise: bool = knob(
            True, "Bring every band to mean 0 and deviation 1 over its clip.", title="Normalise bands"
        )

    def bands(self) -> int:
        """One for each number that is on."""
        return max(1, sum(getattr(self.config, name) for name in NAMES))

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        knobs = self.config
        frames_TW, hertz_Q = framed(waveform_S, knobs.n_fft, knobs.hop), frequencies(knobs.n_fft, hertz)
        magnitude_QT = spectrum(waveform_S, knobs.n_fft, knobs.hop)
        made: Mapping[str, Callable[[], Tensor]] = {
            "zero_crossings": lambda: crossing_rate(frames_TW), "centroid": lambda: centroid(magnitude_QT, hertz_Q),
            "rolloff": lambda: rolloff(magnitude_QT, hertz_Q), "level": lambda: level(frames_TW),
        }  # fmt: skip
        found_FT = torch.stack([make() for name, make in made.items() if getattr(knobs, name)])
        return evened(found_FT, least=1e-9) if knobs.normalise else found_FT

    def band_problems(self, hertz: int) -> list[Problem]:
        """Something must be on."""
        if any(getattr(self.config, name) for name in NAMES):
            return []
        return [Problem(what="No spectral feature is on, so nothing would come out.", hint="Switch one on.")]
