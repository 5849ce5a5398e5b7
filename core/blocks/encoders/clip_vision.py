"""CLIP's image tower (arXiv:2103.00020), from transformers' CLIPVisionModel."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_image import CLIP_DEVIATION, CLIP_MEAN, HubImageTower


@blocks.register("encoders.clip_vision")
class CLIPVision(HubImageTower):
    """CLIP's image tower with its own weights, or small with random ones."""

    title = "CLIP vision"
    model_class, config_class = "CLIPVisionModel", "CLIPVisionConfig"
    mean, deviation = CLIP_MEAN, CLIP_DEVIATION

    def _tokens(self, x_BND: Tensor) -> dict[str, Any]:
        """The last norm for every token, so pooling CLS gives transformers' own pooled output."""
        return super()._tokens(self.model.post_layernorm(x_BND))
