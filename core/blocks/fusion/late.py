"""Late fusion: each side has its tower, and a small network reads both results side by side.

The towers are whatever is drawn before; here two vectors become one. Axes: B batch, V and T incoming widths, D outgoing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob


@blocks.register("fusion.late")
class Late(Block):
    """Reads the results of two towers with a small network."""

    title = "Late fusion"
    modality = "shared"
    takes = {
        "left": port("embedding", "one vector per example", axes="B V"),
        "right": port("embedding", "another", axes="B T"),
    }
    gives = {"embedding": port("embedding", "both in one", modality="shared")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the network."""

        width: int = knob(128, "Size of the fused vector.", low=2, high=8192)
        hidden: int = knob(256, "Width between the two layers.", low=2, high=16384)
        dropout: float = knob(0.0, "Dropped activations.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = incoming["left"].shape[-1] + incoming["right"].shape[-1]
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.width),
        )

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        """[B, V] and [B, T] to [B, D]."""
        return {"embedding": self.mlp(self.norm(torch.cat([left, right], -1)))}

    def detail(self) -> str:
        """The outgoing width."""
        return f"→ {self.config.width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two vectors of different widths."""
        return {"left": torch.randn(2, 8), "right": torch.randn(2, 6)}
