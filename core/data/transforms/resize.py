"""Pictures of any size become squares of one size; normalising shifts colours to what pretrained towers expect."""

from __future__ import annotations

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

# Mean and standard deviation of red, green and blue that published towers were trained with.
NORMALS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "CLIP": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "minus one to one": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


@transforms.register("transforms.resize")
class Resize(Transform):
    """Brings images to one square size, antialiased, and can normalise their colours."""

    title = "Resize images"
    modality = "image"
    takes = {"image": port("image", "images of any size")}
    gives = {"image": port("image", "squares of one size")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The size and how it is reached."""

        size: int = knob(64, "Edge of the squares.", low=8, high=1024, unit="px", title="Image size")
        shape: str = knob(
            "fit", "Fit adds white borders, crop cuts the longer side, stretch distorts.",
            choices=("fit", "crop", "stretch"), title="Resize mode",
        )  # fmt: skip
        normalise: str = knob(
            "none", "Colours as a pretrained tower expects them; put this after augmentation.",
            choices=("none", *NORMALS),
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``image`` float32 [3, H, W] to [3, size, size]."""
        image = values["image"]
        if self.config.shape == "crop":
            edge = min(image.shape[1:])
            top, left = (image.shape[1] - edge) // 2, (image.shape[2] - edge) // 2
            image = image[:, top : top + edge, left : left + edge]
        image = self._scaled(image)
        if self.config.normalise in NORMALS:
            mean, deviation = (torch.tensor(row)[:, None, None] for row in NORMALS[self.config.normalise])
            image = (image - mean) / deviation
        return {"image": image.contiguous()}

    def _scaled(self, image: Tensor) -> Tensor:
        size = self.config.size
        sides = (size, size)
        if self.config.shape == "fit":
            longest = max(image.shape[1:])
            sides = (max(1, round(image.shape[1] * size / longest)), max(1, round(image.shape[2] * size / longest)))
        if tuple(image.shape[1:]) != sides:
            image = F.interpolate(image[None], size=sides, mode="bilinear", antialias=True, align_corners=False)[0]
            image = image.clamp(0, 1)
        top, left = (size - sides[0]) // 2, (size - sides[1]) // 2
        edges = (left, size - sides[1] - left, top, size - sides[0] - top)
        return F.pad(image, edges, value=1.0) if any(edges) else image

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """One size for all."""
        size = self.config.size
        return {"image": torch.empty(batch, 3, size, size, dtype=torch.float32, device="meta")}
