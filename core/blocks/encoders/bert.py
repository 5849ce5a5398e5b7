"""BERT (arXiv:1810.04805) from transformers; also MiniLM sentence encoders (arXiv:2002.10957), which are BERTs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_text import HubTextTower


@blocks.register("encoders.bert")
class BERT(HubTextTower):
    """A bidirectional text tower with its own weights, or small with random ones."""

    title = "BERT"
    model_class, config_class = "BertModel", "BertConfig"

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.model.pooler = None  # tokens are pooled by a block of their own
