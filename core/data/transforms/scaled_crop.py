"""Random crops of several scales and shapes that keep what matters (Szegedy et al., arXiv:1409.4842; boxes as in SSD, arXiv:1512.02325).

A crop's area is a share of the image's, its aspect ratio log-uniform; boxes move with it, and crops that cut a wanted box too
short are drawn again. Boxes are shares of the picture: left, top, right, bottom.
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

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob

TRIES = 20
FIRST, ALL = "first", "all"


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A rectangle of an image in shares of it."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def of_boxes(self, box_N4: Tensor) -> Tensor:
        """Boxes in shares of the crop, cut at its edge."""
        corner = torch.tensor([self.left, self.top] * 2, dtype=box_N4.dtype)
        side = torch.tensor([self.right - self.left, self.bottom - self.top] * 2, dtype=box_N4.dtype)
        return ((box_N4 - corner) / side).clamp(0, 1)

    def kept(self, box_N4: Tensor) -> Tensor:
        """The share of each box's area that is inside [N]; a box without area counts as its place."""
        low = torch.maximum(box_N4[:, :2], torch.tensor([self.left, self.top], dtype=box_N4.dtype))
        high = torch.minimum(box_N4[:, 2:], torch.tensor([self.right, self.bottom], dtype=box_N4.dtype))
        inside, own = (high - low).clamp_min(0).prod(1), (box_N4[:, 2:] - box_N4[:, :2]).prod(1)
        there = ((high - low) >= 0).all(1).to(box_N4.dtype)
        return torch.where(own > 0, inside / own.clamp_min(1e-12), there)


@transforms.register("transforms.scaled_crop")
class ScaledCrop(Transform):
    """Cuts a random part out of each image while training and moves its boxes along."""

    title = "Random crops"
    modality = "image"
    takes = {
        "image": port("image", "images"),
        "boxes": port("boxes", "what the crop should keep", optional=True),
    }
    gives = {
        "image": port("image", "parts of them, of the same size"),
        "boxes": port("boxes", "where the boxes are in them"),
    }
    only_in_training = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How small, how long, and what stays."""

        least: float = knob(
            0.35, "Area of a crop at least, as a share of the image's.", low=0.01, high=1, title="Min area"
        )
        most: float = knob(1.0, "Area of a crop at most.", low=0.01, high=1, title="Max area")
        ratio: float = knob(
            4 / 3, "Width over height of a crop, relative to the image's, at most; at least one over it.", low=1, high=10,
            title="Max aspect ratio",
        )  # fmt: skip
        keep: float = knob(0.9, "Share of a box that the crop must hold; 0 keeps nothing in particular.", low=0, high=1)
        of: str = knob(FIRST, "Which boxes must be kept.", choices=(FIRST, ALL), title="Kept boxes")

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] to the same size; ``boxes`` float32 [N, 4]."""
        image, boxes = values["image"], values.get("boxes")
        crop = self.drawn(boxes, generator)
        return {
            "image": _cut(image, crop),
            "boxes": torch.zeros(0, 4) if boxes is None else crop.of_boxes(boxes),
        }

    def drawn(self, box_N4: Tensor | None, generator: np.random.Generator) -> Crop:
        """A crop that keeps enough of the boxes; the whole image where none of the tries does."""
        draws = generator.random((TRIES, 4)).tolist()  # as many for every sample, whatever is kept
        wanted = None if box_N4 is None or not len(box_N4) else box_N4[:1] if self.config.of == FIRST else box_N4
        for draw in draws:
            crop = self._of(draw)
            if crop is not None and (wanted is None or bool((crop.kept(wanted) >= self.config.keep - 1e-6).all())):
                return crop
        return Crop()

    def _of(self, draw: list[float]) -> Crop | None:
        """A crop of four numbers in [0, 1); None where it is larger than the image."""
        knobs = self.config
        least, most = sorted((knobs.least, knobs.most))
        area, ratio = least + (most - least) * draw[0], math.exp(math.log(knobs.ratio) * (2 * draw[1] - 1))
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if width > 1 or height > 1:
            return None
        left, top = (1 - width) * draw[2], (1 - height) * draw[3]
        return Crop(left=left, top=top, right=left + width, bottom=top + height)

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The same shapes as what comes in."""
        boxes = incoming.get("boxes")
        return {
            "image": incoming["image"],
            "boxes": torch.empty(batch, 0, 4, device="meta") if boxes is None else boxes,
        }


def _cut(image_CHW: Tensor, crop: Crop) -> Tensor:
    """The part of an image at the image's size, between pixels where the crop's edge is."""
    height, width = image_CHW.shape[1:]
    x_W = crop.left + (torch.arange(width, dtype=torch.float32) + 0.5) / width * (crop.right - crop.left)
    y_H = crop.top + (torch.arange(height, dtype=torch.float32) + 0.5) / height * (crop.bottom - crop.top)
    place_HW2 = torch.stack([x_W.expand(height, width), y_H[:, None].expand(height, width)], -1) * 2 - 1
    made = F.grid_sample(image_CHW[None], place_HW2[None], mode="bilinear", padding_mode="border", align_corners=False)
    return made[0]
