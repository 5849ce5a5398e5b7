"""Hides some tokens behind a learned one, for masked modelling of patches (MAE, arXiv:2111.06377; UNITER, arXiv:1909.11740).

CLS and other leading tokens are never hidden. When evaluating the same places are hidden every time.
Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("connectors.mask_tokens")
class MaskTokens(Block):
    """Masks a share of the tokens and gives the mask."""

    title = "Mask tokens"
    takes = {"tokens": port("tokens", "tokens")}
    gives = {
        "tokens": port("tokens", "the same, some of them masked"),
        "hidden": port("codes", "1 where a token is masked, else 0"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many."""

        share: float = knob(
            0.15, "Share of the tokens that is masked; at least one.", low=0.01, high=0.95, title="Mask ratio"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        self.lead = tokens.grid.extra if tokens.grid is not None else 0
        self.mask_D = nn.Parameter(torch.randn(width_of(tokens)) * 0.02)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to the same and [B, N]."""
        x_BND = tokens.x_BND
        batch, count = x_BND.shape[0], x_BND.shape[1] - self.lead
        kept = max(1, round(count * self.config.share))
        if x_BND.device.type == "meta":
            chosen = torch.empty(batch, kept, dtype=torch.long, device="meta")
        else:
            fixed = None if self.training else torch.Generator().manual_seed(0)
            dice = torch.rand(batch if self.training else 1, count, generator=fixed).expand(batch, -1).to(x_BND.device)
            chosen = dice.topk(kept, dim=1).indices + self.lead
        hidden = torch.zeros(x_BND.shape[:2], dtype=torch.long, device=x_BND.device).scatter(1, chosen, 1)
        if tokens.mask_BN is not None:
            hidden = hidden * tokens.mask_BN
        return {
            "tokens": tokens.with_x(torch.where(hidden[..., None] > 0, self.mask_D.to(x_BND.dtype), x_BND)),
            "hidden": hidden,
        }

    def detail(self) -> str:
        """The share."""
        return f"{self.config.share:.0%}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and four patches."""
        return {"tokens": example_tokens()}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Every second one."""
        return {"share": 0.5}
