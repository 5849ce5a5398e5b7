"""Every token into the shared space, as FILIP and ColBERT need it (arXiv:2111.07783, 2004.12832).

Axes: B batch, N tokens, D incoming width, E shared width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn import functional as F

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.connectors.projection import Projection
from core.blocks.values import Tokens, full
from core.graph.ports import port


@blocks.register("connectors.token_projection")
class TokenProjection(Block):
    """A linear map of every token into the space both modalities share."""

    title = "Token projection"
    modality = "shared"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"tokens": port("tokens", "the same tokens, in the shared space", axes="B N E", modality="shared")}
    Config = Projection.Config  # type: ignore[assignment]
    detail = Projection.detail

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(incoming["tokens"].x_BND.shape[-1], config.width, bias=config.bias)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, N, E], each of length one where asked; mask, grid and modality stay."""
        y_BNE = self.linear(self.dropout(tokens.zeroed().x_BND))
        if self.config.unit_norm:
            y_BNE = F.normalize(full(y_BNE), dim=-1)
        return {"tokens": tokens.with_x(y_BNE)}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five tokens."""
        return {"tokens": example_tokens()}
