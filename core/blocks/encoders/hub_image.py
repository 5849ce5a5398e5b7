"""What image towers from transformers share: resize to the model's side, its mean and deviation, patches after CLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.encoders.hub import HubTower
from core.blocks.values import Grid, Tokens
from core.graph.ports import port

CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class HubImageTower(HubTower):
    """Pictures to tokens through a transformers vision model."""

    modality = "image"
    takes = {"image": port("image", "images in [0, 1], any size")}
    gives = {"tokens": port("tokens", "one token per patch, after CLS", modality="image")}
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def extra(self, incoming: Mapping[str, Any]) -> dict[str, Any]:
        """The picture's own side, in patches of 8."""
        return {"image_size": incoming["image"].shape[-1], "patch_size": 8}

    def _pixels(self, image: Tensor) -> Tensor:
        side = self.model.config.image_size
        if image.shape[-2:] != (side, side):
            image = F.interpolate(image, (side, side), mode="bicubic", antialias=image.device.type != "meta").clamp(
                0, 1
            )
        mean, deviation = (torch.tensor(v, device=image.device)[:, None, None] for v in (self.mean, self.deviation))
        return (image - mean) / deviation

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, 3, H, W] in [0, 1]."""
        return self._tokens(self.model(pixel_values=self._pixels(image)).last_hidden_state)

    def _tokens(self, x_BND: Tensor) -> dict[str, Any]:
        side = self.model.config.image_size // self.model.config.patch_size
        grid = Grid(kind="patches", sizes=(side, side), extra=x_BND.shape[1] - side * side)
        return {"tokens": Tokens(x_BND=x_BND, modality="image", grid=grid)}

    def _with_maps(self, **incoming: Any) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        made = self.model(pixel_values=self._pixels(incoming["image"]), output_attentions=True)
        return self._tokens(made.last_hidden_state), made.attentions

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 16, 16)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1, "heads": 2}
