"""Early fusion: the tokens of both sides in one row, through one encoder (VisualBERT, arXiv:1908.03557; ViLT, arXiv:2102.03334).

Each side is mapped to one width, gets an embedding of its type and of its places; padding of either side is not looked
at. With the other side masked out, a side comes out as from an encoder of its own with the same weights. Without positions
and types it is the encoder of transformers' ViltModel (whose embeddings draw patches at random).
Axes: B batch, N and M tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.layer import Stack
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import FusionKnobs, example_sides, fitting, mask_of, two_sides, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("fusion.early")
class Early(Block):
    """Joins the tokens of both sides in one sequence, which one encoder reads."""

    title = "Early fusion"
    modality = "shared"
    takes = two_sides()
    gives = {
        "tokens": port("tokens", "all tokens, the left side first", modality="shared"),
        "left": port("tokens", "the left side's"),
        "right": port("tokens", "the right side's", axes="B M D"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """Sizes of the encoder."""

        width: int = knob(128, "Size of one token.", low=2, high=8192)
        depth: int = knob(2, "Layers.", low=0, high=64, unit="layers")
        positions: bool = knob(True, "Add a learned vector for every place; towers before may have done so already.")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.to_left = fitting(width_of(incoming["left"]), config.width)
        self.to_right = fitting(width_of(incoming["right"]), config.width)
        self.type_2D = nn.Parameter(torch.randn(2, config.width) * 0.02)
        counts = [incoming[side].x_BND.shape[1] for side in ("left", "right")]
        self.places = (
            nn.ParameterList(torch.randn(n, config.width) * 0.02 for n in counts) if config.positions else None
        )
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config
        )

    def forward(self, left: Tokens, right: Tokens) -> dict[str, Any]:
        """[B, N, C] and [B, M, C'] to [B, N + M, D] and its two parts."""
        a = self._typed(self.to_left(left.zeroed().x_BND), 0)
        b = self._typed(self.to_right(right.zeroed().x_BND), 1)
        mask = None if left.mask_BN is None and right.mask_BN is None else torch.cat([mask_of(left), mask_of(right)], 1)
        x = self.stack(torch.cat([a, b], 1), mask)
        n = a.shape[1]
        return {
            "tokens": Tokens(x_BND=x, mask_BN=mask, modality="shared"),
            "left": left.with_x(x[:, :n]),
            "right": right.with_x(x[:, n:]),
        }

    def _typed(self, x_BND: Tensor, side: int) -> Tensor:
        x_BND = x_BND + self.type_2D[side]
        if self.places is None:
            return x_BND
        if x_BND.shape[1] > len(self.places[side]):
            raise ValueError(
                f"There are {x_BND.shape[1]} tokens, more than the {len(self.places[side])} places learned."
            )
        return x_BND + self.places[side][: x_BND.shape[1]]

    def attentions(self) -> Mapping[str, nn.Module]:
        """Every layer's attention over both sides."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Width and depth."""
        return f"w{self.config.width} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Sides of different widths and lengths."""
        return example_sides(left_width=12)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 16}
