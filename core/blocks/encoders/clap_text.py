"""CLAP's text tower, a RoBERTa (arXiv:2211.06687, 1907.11692), from transformers' ClapTextModel; take its first token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_text import HubTextTower, mask_of
from core.blocks.values import Text


@blocks.register("encoders.clap_text")
class CLAPText(HubTextTower):
    """CLAP's text tower with its own weights, or small with random ones; take its first token."""

    title = "CLAP text"
    looks_for_padding = True
    exact = False  # transformers takes this tower's softmax in float32
    model_class, config_class = "ClapTextModel", "ClapTextConfig"
    whole = ("clap", "ClapModel", "text_model")

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # tokens are pooled by a block of their own

    def extra(self, incoming: Mapping[str, Any]) -> dict[str, Any]:
        """RoBERTa counts places from behind its padding number."""
        fields = super().extra(incoming)
        more = {"bos_token_id": 0, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        return {**fields, **more, "max_position_embeddings": incoming["text"].positions + 1}

    @property
    def longest(self) -> int:
        """Places that are left behind the padding number."""
        known = self.model.config
        return int(known.max_position_embeddings - known.pad_token_id - 1)

    def called(self, text: Text) -> dict[str, Any]:
        """With places of its own: a subword that has the padding number elsewhere is a word here."""
        place_L = torch.arange(text.ids_BL.shape[1], device=text.ids_BL.device) + self.model.config.pad_token_id + 1
        return {
            "input_ids": text.ids_BL,
            "attention_mask": mask_of(text),
            "position_ids": place_L.expand_as(text.ids_BL),
        }
