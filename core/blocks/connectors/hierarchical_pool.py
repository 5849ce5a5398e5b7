"""Hierarchical attention pooling: the tokens at strides 1, 2, 4, each level pooled by a learned query (as in PVT, arXiv:2102.12122).

Neighbours are averaged, never skipped, and a short last group is averaged over what it has, so no token is dropped.
Levels share the width; a remainder goes to the first ones. Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.core import Attention
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import mask_of, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


def grouped(x_BND: Tensor, mask_BN: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Means of ``stride`` neighbours over real tokens, [B, ceil(N / stride), D], and which groups have any."""
    missing = -x_BND.shape[1] % stride
    x = F.pad(x_BND, (0, 0, 0, missing)).unflatten(1, (-1, stride))
    weight = F.pad(mask_BN, (0, missing)).unflatten(1, (-1, stride))[..., None].to(x.dtype)
    count = weight.sum(2)
    return (x * weight).sum(2) / count.clamp_min(1), count[..., 0] > 0


@blocks.register("connectors.hierarchical_pool")
class HierarchicalPool(Block):
    """Pools tokens at several strides into one vector."""

    title = "Hierarchical pooling"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"embedding": port("embedding", "one vector per example")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Levels."""

        levels: int = knob(3, "Levels; their strides are 1, 2, 4, ...", low=1, high=8)
        heads: int = knob(1, "Heads of each level's query; must divide the width.", low=1, high=64)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = width_of(incoming["tokens"])
        if config.levels > width:
            raise ValueError(f"{config.levels} levels cannot share a width of {width}.")
        shares = [width // config.levels + (level < width % config.levels) for level in range(config.levels)]
        self.norm = nn.LayerNorm(width)
        self.queries = nn.ParameterList(torch.randn(1, 1, width) * 0.02 for _ in shares)
        self.attention = nn.ModuleList(Attention(width, config.heads) for _ in shares)
        self.out = nn.ModuleList(nn.Linear(width, share) for share in shares)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, D]."""
        x_BND, mask_BN = self.norm(tokens.zeroed().x_BND), mask_of(tokens)
        found = []
        for level, (query, attention, out) in enumerate(zip(self.queries, self.attention, self.out)):
            keys, real = grouped(x_BND, mask_BN, 2**level)
            found.append(out(attention(query.expand(keys.shape[0], -1, -1), keys, real)[:, 0]))
        return {"embedding": torch.cat(found, -1)}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Each level's query."""
        return {f"stride {2**level}": module for level, module in enumerate(self.attention)}

    def detail(self) -> str:
        """Strides."""
        return "/".join(str(2**level) for level in range(self.config.levels))

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five tokens, two of them padding in the second sample."""
        return {"tokens": example_tokens()}
