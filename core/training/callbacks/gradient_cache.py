"""Gradient caching (arXiv:2101.06983): a large contrastive batch in the memory of a small one, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from core.knobs import knob
from core.problems import Problem
from core.training.callback import Callback, callbacks
from core.training.gradients import cached
from core.training.parts import InParts, compared
from core.training.running import Running


@callbacks.register("gradient_cache")
class GradientCache(Callback):
    """The whole batch's gradient, temperature included, with few samples in the towers at a time."""

    title = "Gradient caching"
    order = 60  # wins over plain accumulation where both are on
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many samples at a time."""

        chunk: int = knob(32, "Samples in the towers at a time.", low=1, high=65536, unit="samples")

    def problems(self, trainer: Running) -> list[Problem]:
        """Where exactness is lost, for a layer or a loss before the objectives compares samples."""
        return compared(trainer, InParts(title=self.title, mixes_whole=True))

    def began(self, run: Running) -> None:
        """Take over the gradient."""
        for problem in self.problems(run):
            run.warn(problem.sentence())
        run.gradient = partial(cached, chunk=self.config.chunk)
