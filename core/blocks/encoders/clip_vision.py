"""CLIP's image tower (arXiv:2103.00020), from transformers' CLIPVisionModel."""

from __future__ import annotations

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_image import CLIP_DEVIATION, CLIP_MEAN, HubImageTower


@blocks.register("encoders.clip_vision")
class CLIPVision(HubImageTower):
    """CLIP's image tower with its own weights, or small with random ones."""

    title = "CLIP vision"
    model_class, config_class = "CLIPVisionModel", "CLIPVisionConfig"
    mean, deviation = CLIP_MEAN, CLIP_DEVIATION
