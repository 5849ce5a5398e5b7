"""Attention maps of every layer on a fixed diagnostic batch, in a forward of their own, so training keeps fused kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap


@diagnostics.register("attention")
class Attention(Diagnostic):
    """Attention maps of every layer on the fixed images and sentences."""

    title = "Attention"
    exhibit: ClassVar[str] = "probe"  # what the images and sentences are shown under

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(50, "Capture at every n-th step.", low=1, high=100_000, unit="steps")
        samples: int = knob(8, "Held-out images and sentences that are recorded.", low=1, high=64, unit="samples")

    def began(self, run: Watched) -> None:
        """Show the diagnostic pictures and sentences once."""
        for _ in run.each_task():
            split = selecting_split(run.feed.splits) or "train"
            shown = list(run.feed.splits[split])[: self.config.samples]
            run.say(run.feed.exhibit(run.named(self.exhibit), shown, run.at(), by_frame=True))

    def step_ended(self, run: Watched) -> None:
        """Capture now and then, and at the last step."""
        step = run.position.step
        if step % self.config.every == 0 or step in (1, run.plan.document.recipe.steps):
            for _ in run.each_task():
                self._capture(run)

    def _capture(self, run: Watched) -> None:
        """The maps of the task at work."""
        for name, (weights, queries, keys) in run.experiment.attention_maps(
            run.feed.fixed_examples(self.config.samples)
        ).items():
            node, number = name.rsplit("/", 1)
            run.say(
                AttentionMap(
                    at=run.at(), series=f"attention/{run.named(node)}/{number}", queries=queries, keys=keys,
                    weights=weights.cpu().numpy().astype(np.float16), exhibit=run.named(self.exhibit),
                )
            )  # fmt: skip
