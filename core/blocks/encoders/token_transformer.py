"""Layers of self-attention over tokens of any kind (arXiv:1706.03762): what reads a tower's tokens, or fewer of them.

Places are not added: tokens bring their own, or have none (latents). Merged tokens count as often as they stand for. Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.packing import documents_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.token_transformer")
class TokenTransformer(Block):
    """Lets tokens of any kind attend to each other."""

    title = "Token transformer"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"tokens": port("tokens", "the same tokens, contextualised")}
    reads_packs = True

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Layers."""

        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(2, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.stack = Stack(
            width_of(incoming["tokens"]), config.depth, config.heads, ratio=config.ratio, dropout=config.dropout,
            options=config,
        )  # fmt: skip

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to the same; mask, grid and modality stay."""
        x_BND = self.stack(tokens.zeroed().x_BND, tokens.mask_BN, documents_of(tokens), size_BN=tokens.size_BN)
        return {"tokens": tokens.with_x(x_BND)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Depth and heads."""
        return f"d{self.config.depth} h{self.config.heads}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five tokens, two of them padding in the second sample."""
        return {"tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """One layer."""
        return {"depth": 1}
