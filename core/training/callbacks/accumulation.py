"""Plain gradient accumulation. For an objective that compares samples this is *another objective*: each chunk has fewer
negatives, so the loss and its gradient differ from the whole batch's. Gradient caching is the exact form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from core.knobs import knob
from core.problems import Fix, Problem
from core.training.callback import Callback, callbacks
from core.training.gradients import accumulated
from core.training.parts import InParts, compared
from core.training.running import Running


@callbacks.register("accumulation")
class Accumulation(Callback):
    """Splits a batch into chunks and adds their gradients; for InfoNCE that is another objective."""

    title = "Plain accumulation"
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many chunks."""

        chunks: int = knob(4, "Parts a batch is split into.", low=1, high=1024)

    def problems(self, trainer: Running) -> list[Problem]:
        """A hint where the objective, or a block before it, compares samples."""
        return compared(trainer, InParts(title=self.title, mixes_whole=False)) + [
            Problem(
                what="Plain accumulation changes this objective: each part has fewer negatives than the batch.",
                node=key, severity="warning", hint="Gradient caching gives the batch's own gradient at the same memory.",
                fix=Fix(text="Use gradient caching", edit="switch", arguments={"family": "callbacks", "key": "gradient_cache", "on": True}),
            )
            for key in trainer.plan.objectives
            if getattr(trainer.experiment.node(key), "mixes_samples", False)
        ]  # fmt: skip

    def began(self, run: Running) -> None:
        """Take over the gradient."""
        for problem in self.problems(run):
            run.warn(problem.sentence())
        run.gradient = partial(accumulated, chunks=self.config.chunks)
        if run.callback("gradient_cache") is None:
            for feed in run.feeds.values():
                feed.pieces = self.config.chunks  # each chunk is shared by all processes
