"""Windows of several lengths, from a frame to many seconds: every band beside its own means around each frame. Axes: F bands, T frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.data.bands import OfBands
from core.data.catalog import transforms
from core.data.media import Bands
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse
from core.telemetry.spans import samples_in

MOST_WINDOWS = 8


@transforms.register("transforms.multi_scale")
class MultiScale(OfBands):
    """Adds to every band its mean over longer windows around each frame: what happens now beside what goes on."""

    title = "Multi-scale windows"
    gives = {"spectrogram": port("spectrogram", "the bands, then their means over each window")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which windows."""

        windows: str = knob("0.1, 1", "Lengths of the windows in seconds, with commas.")

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.seconds = _seconds(config.windows)

    def bands(self, coming: int) -> int:
        """All of them, and again for every window."""
        return coming * (1 + len(self.seconds))

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``spectrogram`` [F, T] to as many bands more for every window."""
        bands: Bands = values["spectrogram"]
        widths = [samples_in(seconds, bands.hertz) // bands.hop for seconds in self.seconds]
        return self.made(bands, torch.cat([bands.x_FT, *(means(bands.x_FT, width) for width in widths)]))


def means(x_FT: Tensor, width: int) -> Tensor:
    """The mean of the frames around each one, ``width`` of them where there are so many [F, T]; an even width becomes odd."""
    half = min(width, 2 * x_FT.shape[1]) // 2
    return F.avg_pool1d(x_FT[None], 2 * half + 1, stride=1, padding=half, count_include_pad=False)[0]


def _seconds(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = ()
    if not found or len(found) > MOST_WINDOWS or not all(0 < seconds <= 600 for seconds in found):
        raise refuse(f"{text[:80]!r} is not a list of seconds.", hint="Write, for instance: 0.1, 1")
    return found
