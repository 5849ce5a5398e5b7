"""On-the-fly gradient modulation with generalisation enhancement, OGM-GE (arXiv:2203.15332): no modality runs ahead.

Each modality has a strength s; where its discrepancy ``rho = s / mean of the others' s`` is above 1, its gradients are
multiplied by ``k = 1 - tanh(alpha rho)`` and get noise of their own deviation, so what was taken from the step is given
back as exploration. The paper's strength is a classifier's probability of the right class; here it is the probability with
which a modality's queries find their partner in the batch, or the norm of the modality's gradient. Axes: B batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from core.compiler.module import node_seed
from core.compiler.randomness import drawing_alike
from core.graph.selection import without_task
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import group_norm, modality_groups
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.running import Running

NOT_TOWERS = frozenset({"shared", "loss", "any"})
SCORE, GRADIENT = "score", "gradient"


@callbacks.register("ogm_ge")
class OGMGE(Callback):
    """Slows the modality that runs ahead, and adds noise to what it learns."""

    title = "Modality balance (OGM-GE)"
    order = 15  # after the watchdog, before clipping

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Strength, measure, noise, and until when."""

        alpha: float = knob(0.3, "How strongly a modality that runs ahead is slowed.", low=0, high=10)
        by: str = knob(
            SCORE, "Which modality leads: score, how surely its queries find their match; gradient, whose gradient is longer.",
            choices=(SCORE, GRADIENT), title="Leader criterion",
        )  # fmt: skip
        noise: bool = knob(True, "Add noise with the gradient's own deviation to the slowed modality (GE).")
        until: float = knob(
            1.0, "Share of the run after which nothing is modulated.", low=0, high=1, title="Modulate until"
        )

    def gradient_ready(self, run: Running) -> None:
        """Modulate and say by how much."""
        if run.position.step >= self.config.until * run.recipe.steps:
            return
        named = modality_groups(run, run.groups.trained())  # type: ignore[arg-type]
        groups = {name: group for name, group in named.items() if name not in NOT_TOWERS}
        strengths = self._strengths(run, groups)
        factors = coefficients({name: s for name, s in strengths.items() if name in groups}, self.config.alpha)
        with drawing_alike(node_seed(run.experiment.draws, self.key)):  # every process has the same noise
            for name, factor in factors.items():
                if factor < 1:
                    modulate(groups[name], factor, self.config.noise)
        values = {f"balance/{name}/factor": factor for name, factor in factors.items()}
        values |= {f"balance/{name}/strength": strengths[name] for name in factors}
        run.say(Scalars(at=run.at(), values=values))

    def _strengths(self, run: Running, groups: Mapping[str, list[nn.Parameter]]) -> dict[str, float]:
        if self.config.by == GRADIENT:
            return {name: float(group_norm(group)) for name, group in groups.items()}
        return query_scores(run)


@torch.no_grad()
def query_scores(run: Running) -> dict[str, float]:
    """By modality: the mean probability that its queries give their partner, over every objective it takes part in."""
    found: dict[str, list[float]] = {}
    for key, (left_BD, right_BD) in run.sides.items():
        if len(left_BD) < 2:
            continue
        module: Any = run.experiment.node(without_task(key))
        plain = F.normalize(left_BD.float(), dim=-1) @ F.normalize(right_BD.float(), dim=-1).T / 0.07
        logits_BB = module.logits(left_BD, right_BD) if hasattr(module, "logits") else plain
        ends = run.plan.sides(without_task(key))
        assert ends is not None
        for end, table in zip(ends, (logits_BB, logits_BB.T)):
            score = float(table.softmax(-1).diagonal().mean())
            found.setdefault(run.plan.modality_of(end), []).append(score)
    return {name: sum(scores) / len(scores) for name, scores in found.items()}


def coefficients(strengths: Mapping[str, float], alpha: float) -> dict[str, float]:
    """What each modality's gradients are multiplied by; 1 for those that do not run ahead."""
    factors = {}
    for name, own in strengths.items():
        others = [strength for other, strength in strengths.items() if other != name]
        ratio = own / max(sum(others) / len(others), 1e-12) if others else 1.0
        factors[name] = 1 - math.tanh(alpha * ratio) if ratio > 1 else 1.0
    return factors


def modulate(parameters: list[nn.Parameter], factor: float, noise: bool) -> None:
    """Scale gradients in place; matrices and kernels also get noise of their gradient's deviation."""
    for parameter in parameters:
        if parameter.grad is None:
            continue
        deviation = parameter.grad.std() if noise and parameter.ndim > 1 else None
        parameter.grad.mul_(factor)
        if deviation is not None:
            parameter.grad.add_(torch.randn_like(parameter.grad) * (deviation + 1e-8))
