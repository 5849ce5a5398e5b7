"""An exponential moving average of the weights, used for evaluation (Polyak and Juditsky 1992).

After n steps: ``theta_n = d^n theta_0 + (1 - d) sum_i d^(n-i) w_i`` with d the decay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from core.knobs import knob
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("ema")
class EMA(Callback):
    """Keeps a moving average of the weights and evaluates with it."""

    title = "Weight averaging (EMA)"
    order = 30

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How long the memory is."""

        decay: float = knob(0.99, "Share of the average that stays at each step.", low=0, high=0.99999)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.average: dict[str, Tensor] = {}

    def began(self, run: Running) -> None:
        """Start from the weights as they are, where there is no average of them from a checkpoint."""
        now = run.experiment.named_parameters()
        self.average = {name: self.average.get(name, p.detach()).clone() for name, p in now}

    @torch.no_grad()
    def updated(self, run: Running) -> None:
        """One step of the average."""
        names = list(self.average)
        now = dict(run.experiment.named_parameters())
        torch._foreach_lerp_([self.average[n] for n in names], [now[n].detach() for n in names], 1 - self.config.decay)

    @contextmanager
    def in_place(self, run: Running) -> Iterator[None]:
        """The average stands in for the weights inside."""
        now = dict(run.experiment.named_parameters())
        kept = {name: p.detach().clone() for name, p in now.items()}
        with torch.no_grad():
            for name, parameter in now.items():
                parameter.copy_(self.average[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in now.items():
                    parameter.copy_(kept[name])

    def tensors(self) -> dict[str, Tensor]:
        """The average."""
        return dict(self.average)

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse."""
        self.average = {name: tensor.clone() for name, tensor in tensors.items()}
