"""Some of an object's views, drawn anew in training: what is learned must hold for any of them, one or all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.data.base import Transform
from core.data.catalog import transforms
from core.data.media import Sides
from core.graph.ports import port
from core.knobs import knob


@transforms.register("transforms.some_views")
class SomeViews(Transform):
    """Leaves out some of the views of each object in training, in number and choice at random."""

    title = "Some views"
    modality = "image"
    takes = {"views": port("views", "images of one object, in no order")}
    gives = {"views": port("views", "some of them")}
    only_in_training = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How few."""

        least: int = knob(
            1,
            "As many are kept at least, of objects that have so many.",
            low=1,
            high=64,
            unit="views",
            title="Least views",
        )

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``views`` [V, C, H, W] with zeros where one is left out."""
        sides: Sides = values["views"]
        there = np.flatnonzero(sides.real_V.numpy())
        if len(there) <= self.config.least:
            return {"views": sides}
        count = int(generator.integers(self.config.least, len(there) + 1))
        kept_V = torch.zeros_like(sides.real_V)
        kept_V[torch.from_numpy(generator.permutation(there)[:count])] = True
        views_VCHW = torch.where(kept_V[:, None, None, None], sides.views_VCHW, 0.0)
        return {"views": Sides(views_VCHW=views_VCHW, real_V=kept_V)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """As it came."""
        return {"views": incoming["views"]}
