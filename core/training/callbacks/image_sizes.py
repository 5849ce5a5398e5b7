"""One model asked at several image sizes: what its positions do at sizes it was not trained at (FixRes, arXiv:1906.06423).

Held-out images are scaled on the device. Series: ``score/<split>/48 px/R@1``, ``R@10`` (the mean of both directions) beside chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.graph.document import End
from core.graph.resolution import in_pixels
from core.graph.selection import SELECTING
from core.knobs import knob
from core.telemetry.events import Scalars
from core.training.callback import Callback, callbacks
from core.training.callbacks.evaluation import as_evaluated, embed, ranked, sides, tables
from core.training.control import Stopping
from core.training.image_sizes import at_size, image_ends, refuse_unfit, sizes_of
from core.training.retrieval import scores
from core.training.running import Running


@callbacks.register("image_sizes")
class ImageSizes(Callback):
    """Measures held-out retrieval with images of several sizes."""

    title = "Test at other image sizes"
    order = 76

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which sizes, and when."""

        sizes: str = knob("32, 64", "Longest side of the images, separated by commas.", unit="px", title="Image sizes")
        always: bool = knob(False, "At every evaluation; else at the last one only.", title="At every evaluation")
        most: int = knob(2000, "Samples of a split at most.", low=2, high=100_000, unit="samples", title="Max examples")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._sizes: tuple[int, ...] = ()
        self._ends: dict[str, tuple[End, ...]] = {}

    def began(self, run: Running) -> None:
        """Read and try the sizes. Raises Refused."""
        self._sizes = sizes_of(run, self.config.sizes)
        for task in run.each_task():
            self._ends[task.source] = image_ends(run)
            refuse_unfit(run, self._ends[task.source], self._sizes)
        if run.callback("evaluation") is None:
            run.warn("Nothing is tested at other image sizes: that needs the training option Evaluation.")

    def evaluated(self, run: Running) -> None:
        """Every size in turn."""
        if not self.config.always and run.position.step < run.recipe.steps:
            return
        values: dict[str, float] = {}
        try:
            with as_evaluated(run):
                for _ in run.each_task():
                    for size in self._sizes:
                        values |= self._scores(run, size)
        except Stopping:
            return
        run.say(Scalars(at=run.at(), values=values))

    def _scores(self, run: Running, size: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for key in (key for key in run.task.objectives if ranked(run, key)):
            for split in (split for split in SELECTING if len(run.feed.splits.get(split, ())) > 1):
                with self._scaled(run, size):
                    left, right, indices = embed(run, key, split, self.config.most)
                labels = run.feed.things.captions(indices)
                things = [run.feed.things.of(indices, run.plan.modality_of(end)) for _, end in sides(run, key)]
                both = [
                    scores(table, labels, *one)
                    for table, one in zip(tables(run, key, left, right), (things, things[::-1]))
                ]
                for name in both[0]:
                    found[f"score/{run.named(split)}/{in_pixels(size)}/{name}"] = (both[0][name] + both[1][name]) / 2
        return found

    @contextmanager
    def _scaled(self, run: Running, size: int) -> Iterator[None]:
        """Inside, what is read has this size."""
        hook: Any = partial(_complete, self._ends[run.task.source], size)
        run.feed.after.append(hook)
        try:
            yield
        finally:
            run.feed.after.remove(hook)


def _complete(ends: tuple[End, ...], size: int, batch: dict[End, Any], indices: list[int]) -> dict[End, Any]:
    return at_size(batch, ends, size)
