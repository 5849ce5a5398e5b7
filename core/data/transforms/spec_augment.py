"""SpecAugment: bands and stretches of time are hidden while training (arXiv:1904.08779). Axes: F bands, T frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.bands import OfBands
from core.data.catalog import transforms
from core.data.media import Bands
from core.graph.ports import port
from core.knobs import knob


@transforms.register("transforms.spec_augment")
class SpecAugment(OfBands):
    """Hides bands and stretches of time behind the clip's own mean, anew at every visit; only while training."""

    title = "SpecAugment"
    only_in_training = True
    gives = {"spectrogram": port("spectrogram", "the same with parts hidden")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, how wide at most."""

        band_masks: int = knob(2, "Stretches of bands that are hidden.", low=0, high=20)
        band_share: float = knob(
            0.15, "Widest of them, as a share of all bands.", low=0.0, high=1.0, title="Band width"
        )
        time_masks: int = knob(2, "Stretches of time that are hidden.", low=0, high=20)
        seconds: float = knob(0.2, "Longest of them.", low=0.0, high=60.0, unit="s", title="Time width")

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``spectrogram`` [F, T] with parts at its mean; what is padding is not chosen."""
        bands: Bands = values["spectrogram"]
        made_FT, knobs = bands.x_FT.clone(), self.config
        real = min(made_FT.shape[1], bands.real // bands.hop + 1)
        mean = made_FT[:, :real].mean()
        for _ in range(knobs.band_masks):
            made_FT[_stretch(made_FT.shape[0], knobs.band_share * made_FT.shape[0], generator)] = mean
        for _ in range(knobs.time_masks):
            made_FT[:, _stretch(real, knobs.seconds * bands.hertz / bands.hop, generator)] = mean
        return self.made(bands, made_FT)


def _stretch(length: int, widest: float, generator: np.random.Generator) -> slice:
    """A width from 0 to the widest, every one as likely, anywhere it fits."""
    width = int(generator.integers(min(int(widest), length) + 1))
    first = int(generator.integers(length - width + 1))
    return slice(first, first + width)
