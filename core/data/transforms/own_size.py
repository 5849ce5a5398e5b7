"""Pictures keep their own size and shape: each is cut into as many whole patches as it has (NaViT, arXiv:2307.06304).

Sides become multiples of the patch, and a picture with more patches than allowed is made smaller in proportion (as SigLIP 2's
NaFlex, arXiv:2502.14786); none is enlarged beyond its last patch, none is padded. Axes: N patches, C numbers of a patch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import AnySize, Pictures
from core.data.base import Patches, Transform
from core.data.catalog import transforms
from core.data.transforms.resize import NORMALS
from core.graph.ports import port
from core.knobs import knob


def cells(height: int, width: int, patch: int, most: int) -> tuple[int, int]:
    """Rows and columns of patches for a picture of ``height`` by ``width`` pixels, at most ``most`` patches."""
    shrunk = min(1.0, math.sqrt(most * patch * patch / (height * width)))
    rows, columns = (max(1, round(side * shrunk / patch)) for side in (height, width))
    while rows * columns > most:  # rounding went up, or a very long picture has one row
        rows, columns = (rows, columns - 1) if columns >= rows else (rows - 1, columns)
    return rows, columns


def cut(image_CHW: Tensor, patch: int) -> Tensor:
    """[rows * columns, C * patch * patch], row after row."""
    tiles = image_CHW.unfold(1, patch, patch).unfold(2, patch, patch)  # C rows columns patch patch
    return tiles.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1).contiguous()


@transforms.register("transforms.own_size")
class OwnSize(Transform):
    """Cuts each image into patches at its own size, without borders; towers for such images take them."""

    title = "Keep image sizes"
    modality = "image"
    takes = {"image": port("image", "images of any size")}
    gives = {"pictures": port("pictures", "images of their own sizes, cut into patches")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The patch, and the most of them."""

        patch_size: int = knob(16, "Side of one patch; sides become multiples of it.", low=2, high=64, unit="px")
        most: int = knob(
            256, "Patches of one image; a larger one is made smaller in proportion.", low=1, high=16_384, unit="patches",
            title="Max patches",
        )  # fmt: skip
        normalise: str = knob(
            "none", "Colours as a pretrained tower expects them; put this after augmentation.",
            choices=("none", *NORMALS),
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] to :class:`Patches`."""
        image, patch = values["image"], self.config.patch_size
        rows, columns = self.cells(image.shape[1], image.shape[2])
        if tuple(image.shape[1:]) != (sides := (rows * patch, columns * patch)):
            scaled = F.interpolate(image[None], size=sides, mode="bilinear", antialias=True, align_corners=False)
            image = scaled[0].clamp(0, 1)
        if self.config.normalise in NORMALS:
            mean, deviation = (torch.tensor(row)[:, None, None] for row in NORMALS[self.config.normalise])
            image = (image - mean) / deviation
        made = Patches(patches=cut(image, patch), rows=rows, columns=columns, patch=patch, most=self.config.most)
        return {"pictures": made}

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Without looking at the picture."""
        return cells(height, width, self.config.patch_size, self.config.most)

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The most there can be; a batch is as wide as its largest picture."""
        image, knobs = incoming["image"], self.config
        channels = image.channels if isinstance(image, AnySize) else image.shape[1]
        patches = torch.empty(batch, knobs.most, channels * knobs.patch_size**2, device="meta")
        sizes = torch.empty(batch, 2, dtype=torch.int64, device="meta")
        return {"pictures": Pictures(patches_BNC=patches, size_B2=sizes, patch=knobs.patch_size, most=knobs.most)}
