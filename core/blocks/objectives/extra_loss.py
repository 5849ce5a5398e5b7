"""Adds a loss that a block makes beside its output, such as the balance of a mixture of experts (arXiv:2101.03961)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.extra_loss")
class ExtraLoss(Objective):
    """Adds a block's own loss to the total, with a weight."""

    title = "Extra loss"
    modality = "loss"
    takes = {"loss": port("loss", "one number that a block gives")}
    gives = {"loss": port("loss", "the same, weighed")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """The weight."""

        weight: float = knob(0.01, "This loss is multiplied by it.", low=0, high=1000)

    def forward(self, loss: Tensor) -> dict[str, Any]:
        """One number to one number."""
        return {"loss": self.config.weight * full(loss)}

    def detail(self) -> str:
        """The weight."""
        return f"× {self.config.weight:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """A number."""
        return {"loss": torch.tensor(1.5)}
