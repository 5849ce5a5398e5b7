"""OpenCLIP's text towers at their published sizes (arXiv:2212.07143, 2103.00020), through transformers' CLIPTextModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.encoders.clip_text import CLIPText
from core.blocks.encoders.open_clip_sizes import CONTEXT, SIZES, VOCABULARY
from core.blocks.encoders.open_clip_vision import Published


@blocks.register("encoders.open_clip_text")
class OpenCLIPText(CLIPText):
    """CLIP's causal text tower at a published OpenCLIP size, B/32 to bigG/14."""

    title = "OpenCLIP text"
    causal_when = {}
    Config = Published  # type: ignore[assignment]

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """The published size, with the published vocabulary and length or what comes in, where that is more."""
        tower, text = SIZES[self.config.preset].text, incoming["text"]
        return library.CLIPTextConfig(
            hidden_size=tower.width, num_hidden_layers=self.config.layers or tower.depth,
            num_attention_heads=tower.heads, intermediate_size=tower.hidden, hidden_act="gelu",
            vocab_size=max(VOCABULARY, text.vocabulary), max_position_embeddings=max(CONTEXT, text.positions),
            bos_token_id=VOCABULARY - 2, eos_token_id=VOCABULARY - 1, pad_token_id=0,
            projection_dim=SIZES[self.config.preset].shared,
        )  # fmt: skip

    def detail(self) -> str:
        """The size, and where the weights are from."""
        return f"{self.config.preset} · " + (self.config.source.rsplit("/", 1)[-1] or "random")

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One layer of the smallest."""
        return {"layers": 1}
