"""BLIP-2's querying transformer as a connector (arXiv:2301.12597): learned queries talk among themselves and read the tokens.

BERT's layers, norms after, with cross-attention in every so many; the same numbers as transformers' ``Blip2QFormerModel`` on the same
weights. Axes as in bridge; Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import Attention
from core.blocks.catalog import blocks
from core.blocks.connectors.bridge import Bridge, count_knob
from core.knobs import knob

EPSILON = 1e-12  # BERT's


class QFormerLayer(nn.Module):
    """Queries among themselves, then to the tokens where this layer reads them, then a feed-forward; a norm after each."""

    def __init__(self, width: int, heads: int, *, reads: int | None, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.cross = Attention(width, heads, key_width=reads) if reads is not None else None
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norm_1, self.norm_3 = (nn.LayerNorm(width, eps=EPSILON) for _ in range(2))
        self.norm_2 = nn.LayerNorm(width, eps=EPSILON) if reads is not None else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, query_BQE: Tensor, x_BND: Tensor, real_BN: Tensor) -> Tensor:
        """[B, Q, E] to the same."""
        query_BQE = self.norm_1(query_BQE + self.dropout(self.attention(query_BQE)))
        if self.cross is not None and self.norm_2 is not None:
            query_BQE = self.norm_2(query_BQE + self.dropout(self.cross(query_BQE, x_BND, real_BN)))
        made: Tensor = self.norm_3(query_BQE + self.dropout(self.mlp(query_BQE)))
        return made


def reads_every_knob() -> Any:
    """The knob of every block that is built of such layers."""
    return knob(
        2, "Every so many layers read the tokens, the first of all among them.", low=1, high=64, unit="layers",
        title="Cross-attention every", advanced=True,
    )  # fmt: skip


@blocks.register("connectors.q_former")
class QFormer(Bridge):
    """Learned queries read the tokens by cross-attention and go on in their place."""

    title = "Q-Former"

    @dataclass(frozen=True, kw_only=True)
    class Config(Bridge.Config):
        """Layers."""

        count: int = count_knob()
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(4, "Attention heads; must divide the width.", low=1, high=64)
        reads_every: int = reads_every_knob()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.queries_QE = nn.Parameter(torch.randn(config.count, config.width) * 0.02)
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)
        self.layers = nn.ModuleList(
            QFormerLayer(
                config.width, config.heads, reads=None if number % config.reads_every else self.incoming,
                dropout=config.dropout,
            )
            for number in range(config.depth)
        )  # fmt: skip

    def _bridged(self, x_BND: Tensor, real_BN: Tensor) -> tuple[Tensor, Tensor | None]:
        query_BQE = self.norm(self.queries_QE).expand(len(x_BND), -1, -1)
        for layer in self.layers:
            query_BQE = layer(query_BQE, x_BND, real_BN)
        return query_BQE, torch.ones(query_BQE.shape[:2], dtype=torch.bool, device=x_BND.device)

    def attentions(self) -> Mapping[str, nn.Module]:
        """The looks at the tokens, by layer."""
        layers: Any = enumerate(self.layers)
        return {str(number): layer.cross for number, layer in layers if layer.cross is not None}
