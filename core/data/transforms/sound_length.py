"""Sounds of one length: longer ones are cut, shorter ones get silence behind, and how much is real is said beside.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob


@transforms.register("transforms.sound_length")
class SoundLength(Transform):
    """Cuts or pads sounds to one length and says which share of it is real."""

    title = "Length of sounds"
    modality = "audio"
    takes = {"waveform": port("waveform", "sounds of any length")}
    gives = {
        "waveform": port("waveform", "sounds of one length"),
        "share": port("number", "share of it that is real; the rest is silence, 0 where there is no sound"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long, and where longer ones are cut."""

        seconds: float = knob(2.0, "Length of every sound.", low=0.05, high=600, unit="s")
        hertz: int = knob(
            16_000, "Samples a second, as the source gives them.", low=1000, high=192_000, unit="Hz", advanced=True
        )
        part: str = knob("start", "Which part of a longer sound is kept.", choices=("start", "middle", "random"))

    @property
    def samples(self) -> int:
        """Length in samples."""
        return max(1, round(self.config.seconds * self.config.hertz))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` float32 [S] to one length."""
        waveform_S, wanted = values["waveform"], self.samples
        spare = len(waveform_S) - wanted
        if spare > 0:
            first = {"start": 0, "middle": spare // 2}.get(self.config.part)
            first = int(generator.integers(spare + 1)) if first is None else first
            return {"waveform": waveform_S[first : first + wanted].contiguous(), "share": 1.0}
        return {"waveform": F.pad(waveform_S, (0, -spare)), "share": len(waveform_S) / wanted}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One length for all."""
        return {
            "waveform": torch.empty(batch, self.samples, device="meta"),
            "share": torch.empty(batch, dtype=torch.float32, device="meta"),
        }
