"""Noise for generators: a row of Gaussian numbers a sample.

It is drawn per sample from (seed, epoch, index), so that a resumed run sees the same and example 7 is made from the same
noise whatever batch it is in; when evaluating, every epoch is the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob


@transforms.register("transforms.noise")
class Noise(Transform):
    """Draws Gaussian noise for every image: what a generator makes an image of."""

    title = "Noise"
    modality = "any"
    draws = True
    carries = False
    takes = {"image": port("image", "the images beside which noise is drawn, one row for each")}
    gives = {"noise": port("embedding", "independent numbers with mean 0 and variance 1")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How much."""

        width: int = knob(64, "Numbers for each example.", low=1, high=4096)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``noise`` float32 [width]."""
        return {"noise": torch.from_numpy(generator.standard_normal(self.config.width, dtype=np.float32))}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """[B, width]."""
        return {"noise": torch.empty(batch, self.config.width, device="meta")}
