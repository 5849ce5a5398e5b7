"""Chroma: how loud each of the twelve pitch classes is, C to B, whatever the octave (Ellis 2007). Axes: F classes, T frames."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from core.data.bands import OfSound
from core.data.catalog import transforms
from core.data.features.frames import spectrum
from core.data.features.harmony import CLASSES, chroma
from core.graph.ports import port
from core.knobs import knob


@transforms.register("transforms.chroma")
class Chroma(OfSound):
    """Turns music into the strength of the twelve pitch classes over time."""

    title = "Chroma"
    gives = {"spectrogram": port("spectrogram", "twelve pitch classes over time, C first")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Window and hop: a semitone near 110 Hz needs a window of a quarter of a second."""

        n_fft: int = knob(
            4096,
            "Samples of one window; low notes need a long one.",
            low=512,
            high=65_536,
            unit="samples",
            title="Chroma window",
        )
        hop: int = knob(1600, "Samples between two frames.", low=1, high=16_384, unit="samples")

    def bands(self) -> int:
        """Pitch classes."""
        return len(CLASSES)

    def spectrogram(self, waveform_S: Tensor, hertz: int) -> Tensor:
        """The computation itself [F, T]."""
        return chroma(spectrum(waveform_S, self.config.n_fft, self.config.hop), self.config.n_fft, hertz)
