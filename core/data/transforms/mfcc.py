"""Mel-frequency cepstral coefficients (Davis and Mermelstein 1980), equal to librosa's. Axes: F coefficients, T frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.bands import OfSound, evened
from core.data.catalog import transforms
from core.data.features.mel import SCALES, cepstrum, decibels, filters, mel_power
from core.graph.ports import port
from core.knobs import knob
from core.problems import Problem
from core.torchaudio_import import functional


@transforms.register("transforms.mfcc")
class Mfcc(OfSound):
    """Turns audio into MFCC: the coarse shape of the spectrum in a few numbers a frame."""

    title = "MFCC"
    gives = {"spectrogram": port("spectrogram", "cepstral coefficients over time")}

    @dataclass(frozen=True, kw_only=True)
    class Config(OfSound.Config):
        """Bands, coefficients, and how they change."""

        mels: int = knob(64, "Mel bands.", low=4, high=512, unit="bands")
        coefficients: int = knob(13, "Cepstral coefficients.", low=2, high=128)
        scale: str = knob("Slaney", "How frequencies fall into mel bands.", choices=SCALES, title="Mel scale for MFCC")
        deltas: int = knob(0, "How often the change from frame to frame is added as further bands.", low=0, high=2)
        normalise: bool = knob(
            True, "Bring every band to mean 0 and deviation 1 over its clip.", title="Normalise bands"
        )

    def bands(self) -> int:
        """Coefficients, and their changes."""
        return int(self.config.coefficients * (1 + self.config.deltas))

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        knobs = self.config
        mel_FT = mel_power(
            waveform_S, filters(knobs.n_fft, knobs.mels, hertz, 0.0, hertz / 2, knobs.scale), knobs.n_fft, knobs.hop
        )
        rows = [cepstrum(decibels(mel_FT), knobs.coefficients)]
        for _ in range(knobs.deltas):
            rows.append(functional().compute_deltas(rows[-1][None])[0])
        made_FT = torch.cat(rows)
        return evened(made_FT) if knobs.normalise else made_FT

    def band_problems(self, hertz: int) -> list[Problem]:
        """There are no more coefficients than bands."""
        knobs = self.config
        if knobs.coefficients <= knobs.mels:
            return []
        return [
            Problem(
                what=f"{knobs.coefficients} coefficients cannot be had of {knobs.mels} mel bands.",
                hint="Take fewer coefficients.",
            )
        ]
