"""Stochastic gradient descent with momentum: the plain one, where scales of gradients show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from core.knobs import knob
from core.training.optimization import Optimizers, optimizers


@optimizers.register("sgd")
class SGD(Optimizers):
    """Plain steps along the gradient, with momentum."""

    title = "SGD"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Momentum."""

        momentum: float = knob(0.9, "Share of the last step that goes on.", low=0, high=0.999)
        nesterov: bool = knob(True, "Look ahead along the momentum.")

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimiser over parameter groups."""
        c = self.config
        return torch.optim.SGD(groups, lr=0.1, momentum=c.momentum, nesterov=c.nesterov and c.momentum > 0)
