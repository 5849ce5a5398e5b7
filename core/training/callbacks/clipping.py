"""Gradient clipping by norm, for the whole model or for each block or modality by itself (arXiv:1211.5063)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import modality_groups
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("clipping")
class Clipping(Callback):
    """Keeps gradients from growing beyond a norm."""

    title = "Gradient clipping"
    order = 20
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The limit and what it holds for."""

        norm: float = knob(1.0, "Longest gradient allowed.", low=1e-6, high=1e6, logarithmic=True, title="Max norm")
        per: str = knob(
            "all",
            "One limit for all, or one for each block or modality by itself.",
            choices=("all", "block", "modality"),
            title="Clip scope",
        )

    def gradient_ready(self, run: Running) -> None:
        """Scale down what is too long."""
        clipped = {}
        for name, parameters in self._groups(run).items():
            length = float(nn.utils.clip_grad_norm_(parameters, self.config.norm))
            clipped[f"clipped/{name}"] = float(length > self.config.norm)
        run.say(Scalars(at=run.at(), values=clipped))

    def _groups(self, run: Running) -> dict[str, list[torch.nn.Parameter]]:
        trained = run.groups.trained()
        if self.config.per == "block":
            return trained
        if self.config.per == "modality":
            return modality_groups(run, trained)  # type: ignore[arg-type]
        apart = {key: trained[key] for key in run.opposing if key in trained}  # an opponent's length is its own affair
        rest = [p for key, parameters in trained.items() if key not in apart for p in parameters]
        return {"all": rest, **apart} if rest else apart
