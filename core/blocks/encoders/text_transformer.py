"""Text tower: word pieces, positions, transformer layers (arXiv:1706.03762; causal as in CLIP, arXiv:2103.00020).

Axes: B batch, L word pieces, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Text, Tokens
from core.graph.ports import port
from core.knobs import knob


def example_text(vocabulary: int = 50, length: int = 6) -> Text:
    """Two short sentences of made-up pieces; the second is padded."""
    ids = torch.arange(2 * length).reshape(2, length) % vocabulary
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[1, length // 2 :] = False
    return Text(ids_BL=ids, mask_BL=mask, vocabulary=vocabulary)


@blocks.register("encoders.text_transformer")
class TextTransformer(Block):
    """Turns subwords into contextual tokens."""

    title = "Text transformer"
    modality = "text"
    takes = {"text": port("text", "subwords with their mask")}
    gives = {"tokens": port("tokens", "one token per subword", axes="B L D", modality="text")}

    causal_when = {"causal": True}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Sizes of the tower."""

        width: int = knob(128, "Size of one token.", low=8, high=4096)
        depth: int = knob(2, "Layers; 0 is a bag of subwords.", low=0, high=64, unit="layers")
        heads: int = knob(2, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.1, "Dropped activations in each layer.", low=0, high=0.9)
        causal: bool = knob(False, "A subword sees only those before it, as in CLIP.", title="Causal mask")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        text: Text = incoming["text"]
        self.embedding = nn.Embedding(text.vocabulary, config.width)
        self.position_1LD = nn.Parameter(torch.empty(1, text.ids_BL.shape[1], config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, causal=config.causal,
            options=config,
        )  # fmt: skip
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.normal_(self.position_1LD, std=0.01)

    def forward(self, text: Text) -> dict[str, Any]:
        """``text``: ids [B, L] with mask."""
        length = text.ids_BL.shape[1]
        longest = self._longest(text)
        x_BLD = self.dropout(self.embedding(text.ids_BL[:, :longest]) + self.position_1LD[:, :longest])
        x_BLD = self.stack(x_BLD, text.mask_BL[:, :longest])
        x_BLD = F.pad(x_BLD, (0, 0, 0, length - longest))  # nobody reads padding
        grid = Grid(kind="words", sizes=(length,))
        return {"tokens": Tokens(x_BND=x_BLD, mask_BN=text.mask_BL, modality="text", grid=grid)}

    def _longest(self, text: Text) -> int:
        """Pieces of the longest sentence: what comes behind is padding in all, and need not be computed.

        A compiled or exported tower keeps one shape, and a recorded map its whole grid.
        """
        length = text.ids_BL.shape[1]
        watched = any(layer.attention.recorded is not None for layer in self.stack.layers)  # type: ignore[union-attr]
        if watched or text.mask_BL.device.type == "meta" or torch.compiler.is_compiling():
            return length
        return max(1, int((text.mask_BL.any(0) * torch.arange(1, length + 1, device=text.mask_BL.device)).amax()))

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
        return {"width": 16, "depth": 1}
