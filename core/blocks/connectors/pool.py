"""From tokens to one vector: mean or largest of the real tokens, CLS, last real token, or attention pooling (arXiv:2103.00020).
Merged tokens count as often as they stand for in means and attention.

Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import Attention
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


def example_tokens(width: int = 16, count: int = 5, modality: str = "image") -> Tokens:
    """Two samples; the second has two padded tokens."""
    mask = torch.ones(2, count, dtype=torch.bool)
    mask[1, -2:] = False
    grid = Grid(kind="patches", sizes=(2, 2), extra=1) if count == 5 else None
    return Tokens(x_BND=torch.randn(2, count, width), mask_BN=mask, modality=modality, grid=grid)


@blocks.register("connectors.pool")
class Pool(Block):
    """Makes one vector of many tokens."""

    title = "Pooling"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"embedding": port("embedding", "one vector per example")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How to pool."""

        how: str = knob(
            "mean",
            "mean over real tokens; max: the largest of each number; cls: the first; last: the last real one; attention: a learned query.",
            choices=("mean", "max", "cls", "last", "attention"),
            title="Pooling",
        )
        heads: int = knob(2, "Heads of the attention query; must divide the width.", low=1, high=64)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        width = tokens.x_BND.shape[-1]
        self.attention = None
        self.reads_first_only = config.how == "cls"
        if config.how == "attention":
            self.query_11D = nn.Parameter(torch.randn(1, 1, width) * 0.02)
            self.norm = nn.LayerNorm(width)
            self.attention = Attention(width, config.heads)
        elif config.how == "cls" and tokens.grid is not None and not tokens.grid.extra:
            raise ValueError("These tokens have no CLS token to take; pool by mean or attention.")

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """Tokens [B, N, D] to an embedding [B, D]."""
        return {"embedding": self._pooled(tokens)}

    def _pooled(self, tokens: Tokens) -> Tensor:
        x_BND, mask_BN = tokens.x_BND, tokens.mask_BN
        if self.config.how == "cls":
            return x_BND[:, 0]
        if self.attention is not None:
            query = self.query_11D.expand(x_BND.shape[0], -1, -1)
            x_BND = self.norm(tokens.zeroed().x_BND)
            pooled: Tensor = self.attention(query, x_BND, mask_BN, size_BM=tokens.size_BN)[:, 0]
            return pooled
        if self.config.how == "last":
            if mask_BN is None:
                return x_BND[:, -1]
            last_B = (mask_BN * torch.arange(mask_BN.shape[1], device=x_BND.device)).amax(1)
            return x_BND[torch.arange(x_BND.shape[0], device=x_BND.device), last_B]
        if self.config.how == "max":
            return x_BND.amax(1) if mask_BN is None else _largest(x_BND, mask_BN)
        if tokens.size_BN is not None:
            share_BN1 = (tokens.size_BN / tokens.size_BN.sum(1, keepdim=True).clamp_min(1))[..., None]
            return (tokens.zeroed().x_BND * share_BN1.to(x_BND.dtype)).sum(1)
        if mask_BN is None:
            return x_BND.mean(1)
        return tokens.zeroed().x_BND.sum(1) / mask_BN.sum(1, keepdim=True).clamp_min(1).to(x_BND.dtype)

    def attentions(self) -> Mapping[str, nn.Module]:
        """The learned query's look at the tokens."""
        return {} if self.attention is None else {"query": self.attention}

    def detail(self) -> str:
        """The way of pooling."""
        return str(self.config.how)

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five tokens, two of them padding in the second sample."""
        return {"tokens": example_tokens()}


def _largest(x_BND: Tensor, mask_BN: Tensor) -> Tensor:
    """Of the real tokens; zeros where there is none."""
    largest_BD = x_BND.masked_fill(~mask_BN[..., None], -torch.inf).amax(1)
    return torch.where(mask_BN.any(1)[:, None], largest_BD, 0.0)
