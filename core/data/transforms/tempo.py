"""Tempo: beats a minute by the autocorrelation of onsets (Ellis 2007); half and double tempo are its usual mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.features.beat import onsets, tempo
from core.data.features.mel import decibels, filters, mel_power
from core.data.media import Wave
from core.graph.ports import port
from core.knobs import knob

BANDS, FRAMES_A_SECOND = 40, 100


@transforms.register("transforms.tempo")
class Tempo(Transform):
    """Estimates beats per minute; 0 where nothing repeats."""

    title = "Tempo"
    modality = "audio"
    takes = {"waveform": port("waveform", "music of any length")}
    gives = {"number": port("number", "beats per minute")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The range that is looked at."""

        low: float = knob(40.0, "Slowest tempo.", low=10, high=400, unit="bpm", title="Slowest tempo")
        high: float = knob(240.0, "Fastest tempo.", low=20, high=600, unit="bpm", title="Fastest tempo")

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``waveform`` [S] to ``number``."""
        wave: Wave = values["waveform"]
        hop = max(1, wave.hertz // FRAMES_A_SECOND)
        n_fft = 1 << (wave.hertz // 32).bit_length()
        if len(wave.own_S) <= n_fft:
            return {"number": 0.0}
        bands_QF = filters(n_fft, BANDS, wave.hertz, 0.0, wave.hertz / 2, "Slaney")
        rises_T = onsets(decibels(mel_power(wave.own_S, bands_QF, n_fft, hop)))
        return {"number": tempo(rises_T, wave.hertz / hop, self.config.low, self.config.high)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One number a clip."""
        return {"number": torch.empty(batch, device="meta")}
