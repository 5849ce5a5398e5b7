"""ALIGN's text tower, a BERT (arXiv:2102.05918, 1810.04805), from transformers' AlignTextModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_text import HubTextTower


@blocks.register("encoders.align_text")
class AlignText(HubTextTower):
    """ALIGN's text tower with its own weights, or small with random ones; take its first token."""

    title = "ALIGN text"
    looks_for_padding = True
    exact = False  # transformers takes this tower's softmax in float32
    model_class, config_class = "AlignTextModel", "AlignTextConfig"
    whole = ("align", "AlignModel", "text_model")

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # ALIGN takes the first token as it is
