"""ViViT's first model (arXiv:2103.15691) from transformers' VivitModel: tubelets that all attend to each other, behind CLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_video import HubVideoTower
from core.blocks.values import Frames


@blocks.register("encoders.vivit_hub")
class ViViTHub(HubVideoTower):
    """A video transformer with weights from a folder, or small with random ones."""

    title = "ViViT (transformers)"
    model_class, config_class = "VivitModel", "VivitConfig"

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # an unused head would be parameters without a gradient
        if not config.source:  # all alike in the library: nothing would tell two places apart at the beginning
            for learned in (self.model.embeddings.cls_token, self.model.embeddings.position_embeddings):
                nn.init.trunc_normal_(learned, std=0.02)

    def cut(self, frames: int, side: int) -> dict[str, Any]:
        """One field for all three."""
        return {"tubelet_size": (frames, side, side)}

    def tubelet(self) -> tuple[int, int, int]:
        """As they are told."""
        frames, rows, columns = self.model.config.tubelet_size
        return frames, rows, columns

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, 3, H, W] to CLS and cells [B, N, D]."""
        return self._tokens(self.model(pixel_values=self._pixels(video)).last_hidden_state, video)
