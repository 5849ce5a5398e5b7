"""LAMB (arXiv:1904.00962): Adam whose step is scaled, tensor by tensor, to the size of the weights; for large batches.

``u = m / (sqrt(v) + eps) + decay * w``; ``w -= rate * |w| / |u| * u``. Tensors without decay (biases, norms) take Adam's step as
it is, as in NVIDIA's and timm's form. EVA-CLIP is trained with it (arXiv:2303.15389).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.knobs import knob
from core.training.optimization import Optimizers, optimizers


class Lamb(torch.optim.Optimizer):
    """The optimiser itself; state as Adam's: ``step``, ``exp_avg``, ``exp_avg_sq``."""

    def __init__(
        self,
        groups: Any,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step for every tensor that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group)
        return loss

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        state["step"] += 1
        count, (beta_1, beta_2) = float(state["step"]), group["betas"]
        mean = state["exp_avg"].lerp_(gradient, 1 - beta_1)
        square = state["exp_avg_sq"].mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        scale = (square.sqrt() / (1 - beta_2**count) ** 0.5).add_(group["eps"])
        update = (mean / (1 - beta_1**count)).div_(scale)
        if group["weight_decay"]:
            update.add_(weight, alpha=group["weight_decay"])
            update.mul_(trust(weight, update))
        weight.sub_(update * group["lr"])


def trust(weight: Tensor, update: Tensor) -> Tensor:
    """Norm of the weights over norm of the step; 1 where either is zero."""
    large, small = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(update)
    return torch.where((large > 0) & (small > 0), large / small, torch.ones_like(large))


@optimizers.register("lamb")
class LAMB(Optimizers):
    """Adaptive steps in proportion to each tensor's own size, for very large batches."""

    title = "LAMB"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Moments."""

        beta_1: float = knob(0.9, "Memory of the mean gradient.", low=0, high=0.9999)
        beta_2: float = knob(0.98, "Memory of the squared gradient; EVA-CLIP uses 0.98.", low=0, high=0.99999)
        epsilon: float = knob(1e-6, "Keeps the division finite.", low=1e-12, high=1, logarithmic=True, advanced=True)

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimiser over parameter groups."""
        c = self.config
        return Lamb(groups, betas=(c.beta_1, c.beta_2), eps=c.epsilon)
