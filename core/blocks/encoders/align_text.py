"""ALIGN's text tower, a BERT (arXiv:2102.05918, 1810.04805), from transformers' AlignTextModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.encoders.align_vision import part_of_align
from core.blocks.encoders.hub_text import HubTextTower
from core.blocks.values import Text


@blocks.register("encoders.align_text")
class AlignText(HubTextTower):
    """ALIGN's text tower with its own weights, or small with random ones; take its first token."""

    title = "ALIGN text"
    exact = False  # transformers takes this tower's softmax in float32
    model_class, config_class = "AlignTextModel", "AlignTextConfig"

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # ALIGN takes the first token as it is

    def _loaded(self, library: Any) -> Any:
        """This tower out of a whole ALIGN, or by itself."""
        return part_of_align(self, library, "text_model") or super()._loaded(library)

    def forward(self, text: Text) -> dict[str, Any]:
        """``text``: ids [B, L] with mask."""
        if text.ids_BL.device.type != "meta":
            return super().forward(text)
        x_BLD = self.model.embeddings(input_ids=text.ids_BL)  # a mask on meta cannot be looked into
        return self._tokens(text, self.model.encoder(x_BLD).last_hidden_state)
