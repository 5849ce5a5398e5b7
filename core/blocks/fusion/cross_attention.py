"""Cross-attention: the tokens of one side ask, those of the other answer (arXiv:1706.03762).

With shared keys every layer uses the first one's keys and values (arXiv:2405.12981). Axes: B batch, N queries, M keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.layer import CrossLayer
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import FusionKnobs, example_sides, keys_of, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("fusion.cross_attention")
class CrossAttention(Block):
    """Lets the tokens of one side attend to those of the other."""

    title = "Cross-attention"
    modality = "shared"
    takes = {
        "tokens": port("tokens", "queries"),
        "context": port("tokens", "keys and values", axes="B M C"),
    }
    gives = {"tokens": port("tokens", "queries updated with the context")}

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """Layers."""

        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        shared_keys: bool = knob(
            False, "Every layer uses the first layer's keys and values.", title="Share keys across layers"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width, key_width = width_of(incoming["tokens"]), width_of(incoming["context"])
        self.layers = nn.ModuleList(
            CrossLayer(
                width, config.heads, key_width=key_width, ratio=config.ratio, dropout=config.dropout, options=config,
                borrows=config.shared_keys and number > 0,
            )
            for number in range(config.depth)
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.recompute = False

    def forward(self, tokens: Tokens, context: Tokens) -> dict[str, Any]:
        """Queries [B, N, D] and context [B, M, C] to [B, N, D]."""
        context = keys_of(context, self.config)
        x_BND, mask_BM = tokens.zeroed().x_BND, context.mask_BN
        given = self.layers[0].keys_values(context.x_BND) if self.config.shared_keys else None  # type: ignore[operator]
        for layer in self.layers:
            if self.recompute and self.training:
                x_BND = checkpoint(layer, x_BND, context.x_BND, mask_BM, given, context.size_BN, use_reentrant=False)
            else:
                x_BND = layer(x_BND, context.x_BND, mask_BM, given, context.size_BN)
        return {"tokens": tokens.with_x(self.norm(x_BND))}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Each layer's look at the other side."""
        return {str(number): layer.attention for number, layer in enumerate(self.layers)}  # type: ignore[misc]

    def meets(self, layer: str) -> tuple[str, str]:
        """Tokens at the context."""
        return "tokens", "context"

    def detail(self) -> str:
        """Depth and heads."""
        return f"d{self.config.depth} h{self.config.heads}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Words that look at patches of another width."""
        sides = example_sides(left_width=12)
        return {"tokens": sides["right"], "context": sides["left"]}
