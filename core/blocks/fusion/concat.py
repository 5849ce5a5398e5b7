"""Feature concatenation (the early form, 2015-18): two vectors side by side, then one linear map.

Axes: B batch, V and T the incoming widths, D the outgoing one.
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


@blocks.register("fusion.concat")
class Concat(Block):
    """Puts two vectors side by side and maps them into one."""

    title = "Feature concat"
    modality = "shared"
    takes = {
        "left": port("embedding", "one vector per example", axes="B V"),
        "right": port("embedding", "another", axes="B T"),
    }
    gives = {"embedding": port("embedding", "both in one", modality="shared")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """The outgoing width."""

        width: int = knob(128, "Size of the fused vector.", low=2, high=8192)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.linear = nn.Linear(incoming["left"].shape[-1] + incoming["right"].shape[-1], config.width)

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        """[B, V] and [B, T] to [B, D]."""
        return {"embedding": self.linear(torch.cat([left, right], -1))}

    def detail(self) -> str:
        """The outgoing width."""
        return f"→ {self.config.width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two vectors of different widths."""
        return {"left": torch.randn(2, 8), "right": torch.randn(2, 6)}
