"""Bidirectional cross-attention: both sides look at each other as they were before, so neither goes first.

Both directions read the old values (ViLBERT, arXiv:1908.02265); swapping sides and their weights swaps the results. Norms
come first here, and neither side looks at itself: for the layers as published see Co-attention.
Axes: B batch, N and M tokens, D and C widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.layer import CrossLayer
from core.blocks.attention.options import PLAIN, AttentionKnobs
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import FusionKnobs, example_sides, looks_of, two_sides, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


class Exchange(nn.Module):
    """One cross layer for each direction, both from the old values."""

    def __init__(
        self,
        left: int,
        right: int,
        heads: int,
        *,
        ratio: float = 4.0,
        dropout: float = 0.0,
        options: AttentionKnobs = PLAIN,
    ) -> None:
        super().__init__()
        self.left = CrossLayer(left, heads, key_width=right, ratio=ratio, dropout=dropout, options=options)
        self.right = CrossLayer(right, heads, key_width=left, ratio=ratio, dropout=dropout, options=options)

    def forward(
        self, left_BND: Tensor, right_BMC: Tensor, left_mask: Tensor | None = None, right_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both sides, each knowing the other."""
        return self.left(left_BND, right_BMC, right_mask), self.right(right_BMC, left_BND, left_mask)


@blocks.register("fusion.bidirectional")
class Bidirectional(Block):
    """Lets both sides attend to each other at once."""

    title = "Bidirectional cross-attention"
    modality = "shared"
    takes = two_sides()
    gives = {
        "left": port("tokens", "the left side, updated with the right"),
        "right": port("tokens", "the right side, updated with the left", axes="B M C"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """Layers."""

        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        left, right = width_of(incoming["left"]), width_of(incoming["right"])
        self.layers = nn.ModuleList(
            Exchange(left, right, config.heads, ratio=config.ratio, dropout=config.dropout, options=config)
            for _ in range(config.depth)
        )
        self.recompute = False

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """[B, N, D] and [B, M, C] to the same."""
        a, b = left.zeroed().x_BND, right.zeroed().x_BND
        for layer in self.layers:
            if self.recompute and self.training:
                a, b = checkpoint(layer, a, b, left.mask_BN, right.mask_BN, use_reentrant=False)
            else:
                a, b = layer(a, b, left.mask_BN, right.mask_BN)
        return {"left": left.with_x(a), "right": right.with_x(b)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Both directions of each layer."""
        return {
            f"{number} {side}": getattr(layer, side).attention
            for number, layer in enumerate(self.layers)
            for side in ("left", "right")
        }

    def meets(self, layer: str) -> tuple[str, str]:
        """By the names of its maps."""
        return looks_of(layer)

    def detail(self) -> str:
        """Depth and heads."""
        return f"d{self.config.depth} h{self.config.heads}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Sides of different widths and lengths."""
        return example_sides(left_width=12)
