"""Attention maps of every layer on a fixed diagnostic batch, in a forward of their own, so training keeps fused kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from core.graph.selection import selecting_split
from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import AttentionMap, Scalars


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
            shown = run.feed.some(split, self.config.samples)
            run.say(run.feed.exhibit(run.named(self.exhibit), shown, run.at(), by_frame=True))

    def step_ended(self, run: Watched) -> None:
        """Capture now and then, and at the last step."""
        if self.is_due(run):
            for _ in run.each_task():
                self._capture(run)

    def _capture(self, run: Watched) -> None:
        """The maps of the task at work, and how even each is."""
        entropies: dict[str, float] = {}
        for name, (weights, queries, keys) in run.experiment.attention_maps(
            run.feed.fixed_examples(self.config.samples)
        ).items():
            node, number = name.rsplit("/", 1)
            entropies[f"attention entropy/{run.named(node)}/{number}"] = float(evenness(weights))
            run.say(
                AttentionMap(
                    at=run.at(), series=f"attention/{run.named(node)}/{number}", queries=queries, keys=keys,
                    weights=weights.cpu().numpy().astype(np.float16), exhibit=run.named(self.exhibit),
                )
            )  # fmt: skip
        if entropies:
            run.say(Scalars(at=run.at(), values=entropies))


def evenness(weights: Tensor) -> Tensor:
    """The mean entropy of rows of attention [..., queries, keys] as a share of the most there can be: 1 looks everywhere alike, 0 at one place.

    Keys that no query may see (weight 0) do not count; a row with a single key is left out, and says 1 where all are such.
    """
    w = weights.float()
    keys = (w > 0).sum(-1)
    entropy = torch.special.entr(w).sum(-1) / keys.clamp(min=2).log()
    counts = (keys > 1).float()
    return torch.where(counts.sum() > 0, (entropy * counts).sum() / counts.sum().clamp(min=1), entropy.new_ones(()))
