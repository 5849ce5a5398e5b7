"""A loss that is not a number stops the run before the optimiser steps: one step would spoil every weight."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.compiler.sharding import own_part
from core.training.callback import Callback, callbacks
from core.training.processes import added, everyones
from core.training.running import Running


@callbacks.register("watchdog")
class Watchdog(Callback):
    """Stops before a step that would spoil the weights: a loss or gradient that is not finite."""

    title = "Divergence guard"
    order = 10
    shards = True

    def gradient_ready(self, run: Running) -> None:
        """Look at every loss, and at the gradients as one sum."""
        wrong = [key for key, loss in run.losses.items() if not math.isfinite(float(loss.detach()))]
        if wrong:
            self._stop(run, f"the loss of {', '.join(wrong)} is not a finite number")
            return
        gradients = [p.grad for group in run.groups.trained().values() for p in group if p.grad is not None]
        if gradients and not math.isfinite(_sum(run, torch.stack([own_part(g).float().sum() for g in gradients]))):
            norms = {
                key: [p for p in group if p.grad is not None and not own_part(p.grad).isfinite().all()]
                for key, group in run.groups.trained().items()
            }
            seen = {key for found in everyones([key for key, bad in norms.items() if bad]) for key in found}
            where = [key for key in norms if key in seen]
            if where:
                self._stop(run, f"a gradient in {', '.join(where)} is not finite")

    def _stop(self, run: Running, what: str) -> None:
        samples = "; ".join(_listed(run) for _ in run.each_task(run.shares))
        sentence = (
            f"Diverged at step {run.position.step + 1}: {what}. The weights are those before this step. Lower the "
            f"learning rate or raise the temperature. Samples in the batch: {samples}."
        )
        run.warn(sentence)
        run.end("diverged", sentence)


def _sum(run: Running, sums: Tensor) -> float:
    """Of all gradients; of those that processes keep parts of, over all of them."""
    return added(float(sums.sum())) if run.is_sharded else float(sums.sum())


def _listed(run: Running) -> str:
    """The first samples of the task at work, with its title where there are several tasks."""
    listed = ", ".join(map(str, run.indices[:16])) + (", ..." if len(run.indices) > 16 else "")
    return f"{run.task.title}: {listed}" if len(run.plan.tasks) > 1 else listed
