"""GradNorm (arXiv:1711.02257): weights of several objectives, learned so that all pull on the shared part equally hard.

``G_i`` is the norm of the weighted loss's gradient on the parameters that several objectives share. Its wish is
``mean G * r_i^alpha`` with ``r_i = (L_i / L_i at the start) / their mean``: an objective that learns slower may pull harder.
Weights go down on ``sum |G_i - wish_i|``, by steps in proportion to the gap (the paper's sign alone would swing around the
wish), and are brought back to a mean of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.knobs import knob
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.gradients import keep_sides, plain, pull
from core.training.processes import averaged, mean_gradients
from core.training.running import Running


@callbacks.register("grad_norm")
class GradNorm(Callback):
    """Weighs the objectives so that their gradients on what they share are equally long."""

    title = "Objective balance (GradNorm)"
    order = 65  # takes the gradient over last

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Asymmetry and speed."""

        alpha: float = knob(
            0.5, "How much harder an objective that learns slowly may pull; 0: all alike.", low=0, high=5
        )
        rate: float = knob(
            0.025, "How fast the weights change.", low=1e-6, high=1, logarithmic=True, title="Weight learning rate"
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.weights: dict[str, float] = {}
        self.first: dict[str, float] = {}

    def began(self, run: Running) -> None:
        """Take over the gradient, or say why not."""
        if run.gradient is not plain:
            run.warn("GradNorm is off: it needs the whole batch in one pass, without gradient caching or accumulation.")
        elif len(run.plan.objectives) < 2:
            run.warn("GradNorm is off: there is only one objective.")
        elif max(len(task.objectives) for task in run.plan.tasks) < 2:
            run.warn("GradNorm is off: no task has two objectives, and it weighs those of one task against each other.")
        else:
            run.gradient = self.gradient

    def gradient(self, run: Running) -> dict[str, Tensor]:
        """The weighted sum's gradient; weights learn from the norms first."""
        values = run.forward(run.batch)
        losses = {key: loss.float() for key, loss in run.experiment.losses(values).items()}
        shared = shared_parameters(run)
        now = {key: float(loss.detach()) for key, loss in averaged(losses).items()}
        for key in losses:
            self.weights.setdefault(key, 1.0)
            self.first.setdefault(key, now[key])
        if shared:
            norms = {key: gradient_norm(loss, shared) for key, loss in losses.items()}
            self.weights = stepped(self.weights, norms, self._progress(now), self.config.alpha, self.config.rate)
            said = {f"balance/{key}/weight": weight for key, weight in self.weights.items()}
            said |= {f"balance/{key}/gradient": self.weights[key] * norm for key, norm in norms.items()}
            run.say(Scalars(at=run.at(), values=said))
        weighted = {key: self.weights[key] * loss for key, loss in losses.items()}
        pull(run, weighted, run.experiment.opposing(values))
        keep_sides(run, values)
        return losses

    def _progress(self, now: Mapping[str, float]) -> dict[str, float]:
        return {key: loss / max(abs(self.first[key]), 1e-12) for key, loss in now.items()}

    def state(self) -> dict[str, Any]:
        """Weights and the first losses."""
        return {"weights": self.weights, "first": self.first}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self.weights, self.first = dict(state["weights"]), dict(state["first"])


def shared_parameters(run: Running) -> list[nn.Parameter]:
    """What learns and is reached by two objectives or more."""
    reached: dict[str, int] = {}
    for objective in run.task.objectives:
        seen, waiting = {objective}, [objective]
        while waiting:
            for end in run.plan.inputs[waiting.pop()].values():
                if end.node not in seen and end.node in run.plan.batch_nodes:
                    seen.add(end.node)
                    waiting.append(end.node)
        for node in {run.plan.owner(key) for key in seen}:
            reached[node] = reached.get(node, 0) + 1
    return [p for key, group in run.groups.trained().items() if reached.get(key, 0) > 1 for p in group]


def gradient_norm(loss: Tensor, parameters: list[nn.Parameter]) -> float:
    """Norm of one loss's gradient on some parameters, that of the whole batch where processes share it; the graph stays."""
    if not loss.requires_grad:
        return 0.0
    own = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    found = mean_gradients(parameters, own)
    norms = [torch.linalg.vector_norm(gradient.float()) for gradient in found if gradient is not None]
    return float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0


def stepped(
    weights: Mapping[str, float], norms: Mapping[str, float], progress: Mapping[str, float], alpha: float, rate: float
) -> dict[str, float]:
    """Weights after one step; positive, with a mean of 1. Objectives that do not reach the shared part keep theirs."""
    pulling = [key for key, norm in norms.items() if norm > 0]
    if len(pulling) < 2:
        return dict(weights)
    own = {key: weights[key] * norms[key] for key in pulling}
    mean = sum(own.values()) / len(own)
    pace = sum(max(progress[key], 1e-12) for key in pulling) / len(pulling)
    moved = dict(weights)
    for key in pulling:
        wish = mean * (max(progress[key], 1e-12) / pace) ** alpha
        error = max(-1.0, min(1.0, (own[key] - wish) / max(mean, 1e-12)))
        moved[key] = max(weights[key] * (1 - rate * error), 1e-4)
    scale = len(pulling) / sum(moved[key] for key in pulling)
    return {key: weight * scale if key in pulling else weight for key, weight in moved.items()}
