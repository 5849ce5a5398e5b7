"""Pairs of film and sound that are apart by a known time, made: the sound is moved, and by how much goes with it.

The offset is drawn for each sample from (seed, epoch, index): anew in training, always the same when evaluating. A drift lets the sound
fall back or hurry on besides. Positive: the sound comes later than what is seen. Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Wave
from core.data.sounds import Heard
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem
from core.telemetry.spans import Times, samples_in

ROUND, SILENCE = "round", "silence"


@transforms.register("transforms.shift_sound")
class ShiftSound(Transform):
    """Moves the audio of each video by a time that is drawn and told: made examples of sound that is not in sync."""

    title = "Shift audio"
    modality = "audio"
    plants = True
    takes = {"waveform": port("waveform", "audio that is in sync")}
    gives = {
        "waveform": port("waveform", "the same audio, earlier or later"),
        "offset": port("number", "by how many seconds it was made later; below zero: earlier"),
        "drift": port("number", "by how many seconds a second it falls behind, from the clip's start on"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How far."""

        most: float = knob(
            2.0, "Offsets are drawn evenly between this much earlier and this much later.", low=0, high=60.0, unit="s",
            title="Largest shift",
        )  # fmt: skip
        drift: float = knob(
            0.0, "Drifts are drawn evenly between this much faster and this much slower; 0.1 is a second in ten.", low=0,
            high=0.5, unit="s/s", title="Largest drift",
        )  # fmt: skip
        fill: str = knob(
            ROUND, "What leaves at one end comes in at the other, or silence does, which gives the offset away.",
            choices=(ROUND, SILENCE), title="Fill with", advanced=True,
        )  # fmt: skip

    def _drawn(self, generator: np.random.Generator) -> tuple[float, float]:
        most, drift = self.config.most, self.config.drift
        return float(generator.uniform(-most, most)), float(generator.uniform(-drift, drift))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to one of the same length, with ``offset`` and ``drift``."""
        wave: Wave = values["waveform"]
        offset, drift = self._drawn(generator)
        moved_S = moved(wave.own_S, wave.hertz, offset, drift, is_round=self.config.fill == ROUND)
        rest_S = wave.samples_S[wave.real :]
        made = Wave(samples_S=torch.cat([moved_S, rest_S]), real=wave.real, hertz=wave.hertz)
        return {"waveform": made, "offset": offset, "drift": drift}

    def times(self, values: Mapping[str, Any], generator: np.random.Generator) -> Times:
        """What leaves at an end is gone; a drift is not followed."""
        wave: Wave = values["waveform"]
        offset, _ = self._drawn(generator)
        return Times(hertz=wave.hertz, first=-samples_in(offset, wave.hertz), samples=wave.real)

    def hears(self, incoming: Mapping[str, Heard]) -> tuple[Mapping[str, Heard], Sequence[Problem]]:
        """Rate and length stay."""
        return incoming, ()

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came, and a number of each kind."""
        number = torch.empty(batch, device="meta")
        return {"waveform": incoming["waveform"], "offset": number, "drift": number}


def moved(sound_S: Tensor, hertz: int, offset: float, drift: float, *, is_round: bool) -> Tensor:
    """What is heard at time t was at ``t - offset - drift * t`` before; between two samples it is in proportion."""
    count = len(sound_S)
    if not count:
        return sound_S
    time_S = np.arange(count)
    place_S = time_S * (1 - drift) - samples_in(offset, hertz)
    low_S = np.floor(place_S).astype(np.int64)
    share_S = torch.from_numpy((place_S - low_S).astype(np.float32))
    low_S = low_S % count if is_round else low_S
    high_S = (low_S + 1) % count if is_round else low_S + 1
    low, high = (_at(sound_S, place) for place in (low_S, high_S))
    return low + (high - low) * share_S


def _at(sound_S: Tensor, place_S: np.ndarray) -> Tensor:
    """Samples at places; silence outside."""
    inside_S = torch.from_numpy((place_S >= 0) & (place_S < len(sound_S)))
    found_S = sound_S[torch.from_numpy(place_S.clip(0, len(sound_S) - 1))]
    return torch.where(inside_S, found_S, 0.0)
