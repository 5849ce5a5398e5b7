"""CLIP's causal text tower (arXiv:2103.00020), from transformers' CLIPTextModel."""

from __future__ import annotations

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_text import HubTextTower


@blocks.register("encoders.clip_text")
class CLIPText(HubTextTower):
    """CLIP's text tower with its own weights, or small with random ones."""

    title = "CLIP text"
    causal_when = {}
    model_class, config_class = "CLIPTextModel", "CLIPTextConfig"
