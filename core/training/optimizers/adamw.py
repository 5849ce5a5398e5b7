"""AdamW (arXiv:1711.05101), fused where the device can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from core.knobs import knob
from core.training.optimization import Optimizers, optimizers


@optimizers.register("adamw")
class AdamW(Optimizers):
    """Adaptive steps with decoupled weight decay."""

    title = "AdamW"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Moments."""

        beta_1: float = knob(0.9, "Memory of the mean gradient.", low=0, high=0.9999)
        beta_2: float = knob(
            0.98, "Memory of the squared gradient; 0.98 suits contrastive training.", low=0, high=0.99999
        )
        epsilon: float = knob(1e-6, "Keeps the division finite.", low=1e-12, high=1, logarithmic=True, advanced=True)

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimiser over parameter groups."""
        c = self.config
        return torch.optim.AdamW(groups, betas=(c.beta_1, c.beta_2), eps=c.epsilon, fused=True)
