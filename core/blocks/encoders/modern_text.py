"""Text tower in the modern form: RMSNorm before, rotary places, SwiGLU, no biases, queries and keys normed (Qwen3, arXiv:2505.09388).

The same layers as the language decoder's, read both ways or forwards; on the same weights the numbers of transformers' Qwen3 and Llama.
Axes: B batch, L word pieces, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.blocks.attention.modern import (
    SPREAD,
    ModernStack,
    form_of,
    hidden_knob,
    key_heads_knob,
    norms_heads_knob,
)
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.text_transformer import example_text
from core.blocks.positions import angles
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.modern_text")
class ModernText(Block):
    """Turns subwords into contextual tokens with the layers of today's language models."""

    title = "Modern text transformer"
    modality = "text"
    takes = {"text": port("text", "subwords with their mask")}
    gives = {"tokens": port("tokens", "one token per subword", axes="B L D", modality="text")}
    causal_when = {"causal": True}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower."""

        width: int = knob(128, "Size of one token.", low=8, high=4096)
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
        key_heads: int | None = key_heads_knob()
        hidden: int | None = hidden_knob()
        norms_heads: bool = norms_heads_knob(True)
        causal: bool = knob(False, "A subword sees only those before it, as in CLIP.", title="Causal mask")
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.embedding = nn.Embedding(incoming["text"].vocabulary, config.width)
        nn.init.normal_(self.embedding.weight, std=SPREAD)
        self.stack = ModernStack(form_of(config))

    def forward(self, text: Text) -> dict[str, Any]:
        """``text``: ids [B, L] with mask; a piece's place is its number among the real ones."""
        real_BL = text.mask_BL
        place_BL = torch.where(real_BL, real_BL.cumsum(1) - 1, -1)
        mask_BLL = (real_BL[:, None] & real_BL[..., None]) & (
            (place_BL[:, None] <= place_BL[..., None]) | (not self.config.causal)
        )
        angle_BLE = angles(place_BL.clamp_min(0)[..., None], self.config.width // self.config.heads)
        x_BLD = self.stack(self.embedding(text.ids_BL), mask_BLL, angle_BLE)
        grid = Grid(kind="words", sizes=(text.ids_BL.shape[1],))
        return {"tokens": Tokens(x_BND=x_BLD, mask_BN=real_BL, modality="text", grid=grid)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width, depth, direction."""
        return f"w{self.config.width} d{self.config.depth}" + (" · causal" if self.config.causal else "")

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short sentences."""
        return {"text": example_text()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One narrow layer."""
        return {"width": 16, "depth": 1, "heads": 2, "key_heads": 1}
