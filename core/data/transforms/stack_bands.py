"""Bands of two kinds beside each other, frame for frame: log-mel with prosody, or with chroma. Axes: F bands, T frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from core.blocks.values import Spectrogram
from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Bands
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@transforms.register("transforms.stack_bands")
class StackBands(Transform):
    """Puts the bands of two steps on one spectrogram; both must have the same hop."""

    title = "Stack bands"
    modality = "audio"
    takes = {
        "first": port("spectrogram", "bands that come first"),
        "second": port("spectrogram", "bands that come behind them"),
    }
    gives = {"spectrogram": port("spectrogram", "the bands of both over the same time")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How much the second counts."""

        weight: float = knob(
            1.0, "The second bands are multiplied by it.", low=0.0, high=100.0, title="Weight of the second"
        )

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """Two [F, T] to one."""
        first, second = values["first"], values["second"]
        _check(first, second)
        made = torch.cat([first.x_FT, second.x_FT * self.config.weight])
        return {"spectrogram": replace(first, x_FT=made, window=max(first.window, second.window))}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The bands of both."""
        first, second = incoming["first"], incoming["second"]
        _check(first, second)
        made = torch.cat([first.x_BFT, second.x_BFT], 1)
        return {"spectrogram": replace(first, x_BFT=made, window=max(first.window, second.window))}


def _check(first: Bands | Spectrogram, second: Bands | Spectrogram) -> None:
    if (first.hertz, first.hop, first.samples) != (second.hertz, second.hop, second.samples):
        raise refuse(
            f"The frames of the two do not lie on one time: a hop of {first.hop} and of {second.hop} samples.",
            hint="Give both steps the same audio and the same hop.",
        )
