"""Into the shared space: one linear map, as CLIP does it (arXiv:2103.00020).

Axes: B batch, D incoming width, E shared width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("connectors.projection")
class Projection(Block):
    """A linear map into the space both modalities share."""

    title = "Projection"
    modality = "shared"
    takes = {"embedding": port("embedding", "one vector per example")}
    gives = {"embedding": port("embedding", "the same, in the shared space", axes="B E", modality="shared")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Width and form."""

        width: int = knob(128, "Size of the shared space.", low=2, high=8192)
        dropout: float = knob(0.0, "Dropped inputs.", low=0, high=0.9)
        bias: bool = knob(False, "Add a constant to every vector; it widens the modality gap.", advanced=True)
        unit_norm: bool = knob(True, "Scale every vector to length one, as cosine similarity wants.")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = self._body(incoming["embedding"].shape[-1])

    def _body(self, width: int) -> nn.Module:
        return nn.Linear(width, self.config.width, bias=self.config.bias)

    def forward(self, embedding: Tensor) -> dict[str, Any]:
        """[B, D] to [B, E], of length one where asked."""
        y_BE = self.linear(self.dropout(embedding))
        return {"embedding": F.normalize(full(y_BE), dim=-1) if self.config.unit_norm else y_BE}

    def detail(self) -> str:
        """The shared width."""
        return f"→ {self.config.width}" + (" · unit length" if self.config.unit_norm else "")

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two vectors."""
        return {"embedding": torch.randn(2, 12)}
