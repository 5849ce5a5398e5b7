"""ViT (arXiv:2010.11929) from transformers' ViTModel: for weights that save_pretrained wrote."""

from __future__ import annotations

from typing import Any

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_image import HubImageTower


@blocks.register("encoders.vit_hub")
class ViTHub(HubImageTower):
    """A Vision Transformer with weights from a folder or package."""

    title = "ViT (transformers)"
    model_class, config_class = "ViTModel", "ViTConfig"

    def small(self, library: Any, incoming: Any) -> Any:
        """Without dropout, as the original trains it."""
        made = super().small(library, incoming)
        made.hidden_dropout_prob = made.attention_probs_dropout_prob = 0.0
        return made

    def __init__(self, config: Any, incoming: Any) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # an unused head would be parameters without a gradient
