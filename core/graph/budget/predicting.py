"""From what was measured to what a whole run takes: a pure function, each part with what it was taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.graph.budget.measured import Cost, Measured, Periodic, StepCost
from core.graph.recipe import Recipe

MEBIBYTE = 2**20
BETTER = 0.6  # of evaluations after which a best checkpoint is written: assumed, nobody can know


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the whole time: ``count`` times something."""

    what: str  # preparation, steps, evaluation, checkpoints, or a diagnostic's title
    count: float
    each: Cost

    @property
    def whole(self) -> Cost:
        """All of it."""
        return self.each.times(self.count)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run is expected to take."""

    steps: int
    parts: tuple[Part, ...]
    step: Cost  # of one training step, data included
    base_mebibytes: float  # Python and PyTorch
    own_mebibytes: float  # the run's own part of the peak
    gpu_mebibytes: float = 0.0
    checkpoint_mebibytes: float = 0.0  # on the disk, those that are kept
    record_mebibytes: float = 0.0  # on the disk

    @property
    def whole(self) -> Cost:
        """From start to end."""
        return sum((part.whole for part in self.parts), Cost())

    @property
    def mebibytes(self) -> float:
        """Peak memory of a process that trains it."""
        return self.base_mebibytes + self.own_mebibytes

    @property
    def disk_mebibytes(self) -> float:
        """What it leaves."""
        return self.checkpoint_mebibytes + self.record_mebibytes


def predict(measured: Measured, recipe: Recipe) -> Budget:
    """The whole run of a recipe: ``preparation + steps x step + evaluations x evaluation + looks x look + checkpoints``."""
    step = step_cost(measured, recipe.steps)
    evaluations = _evaluations(measured, recipe)
    looks = [(each, _looks(each, recipe)) for each in measured.periodic if each.key in recipe.diagnostics]
    saves, kept = _checkpoints(measured, recipe, evaluations)
    parts = (
        Part(what="preparation", count=1, each=measured.preparation),
        Part(what="steps", count=recipe.steps, each=step),
        Part(what="evaluation", count=evaluations, each=measured.evaluation),
        *(Part(what=each.title, count=count, each=each.cost) for each, count in looks),
        Part(what="checkpoints", count=saves, each=measured.checkpoint),
    )
    record = measured.began_bytes + recipe.steps * measured.step_bytes + evaluations * measured.evaluation_bytes
    record += sum(count * each.bytes for each, count in looks)
    return Budget(
        steps=recipe.steps, parts=tuple(part for part in parts if part.count and part.each != Cost()), step=step,
        base_mebibytes=measured.base_mebibytes, own_mebibytes=measured.own_mebibytes, gpu_mebibytes=measured.gpu_mebibytes,
        checkpoint_mebibytes=kept * measured.checkpoint_bytes / MEBIBYTE, record_mebibytes=record / MEBIBYTE,
    )  # fmt: skip


def step_cost(measured: Measured, steps: int) -> Cost:
    """The mean step of a run of so many: samples that are met again may cost less than at first."""
    return sum((_mean(measured, kind, steps).times(kind.weight) for kind in measured.steps), Cost())


def _mean(measured: Measured, kind: StepCost, steps: int) -> Cost:
    shares = [_met_first(measured, source, steps) for source in kind.sources]
    first = sum(shares) / max(len(shares), 1)
    met_first, met_again = (
        _together(compute, data, measured.overlaps)
        for compute, data in ((kind.compute, kind.data), (kind.compute_again, kind.data_again))
    )
    return met_first.times(first) + met_again.times(1 - first)


def _met_first(measured: Measured, source: str, steps: int) -> float:
    """The share of a task's steps in which its samples are met for the first time."""
    own = steps * sum(kind.weight for kind in measured.steps if source in kind.sources)
    return min(measured.batches.get(source, 0) / own, 1.0) if own else 1.0


def _together(compute: Cost, data: Cost, overlaps: bool) -> Cost:
    """A step with the making of its batch: on a core of its own that goes on meanwhile."""
    both = compute + data
    return Cost(seconds=max(compute.seconds, data.seconds), processor=both.processor) if overlaps else both


def _every(knobs: Mapping[str, Any], default: int) -> int:
    value = knobs.get("every", default)
    return int(value) if isinstance(value, int | float) and value >= 1 else 0


def _times(steps: int, every: int, *, at_end: bool) -> int:
    if every < 1:
        return int(at_end)
    return steps // every + int(at_end and steps % every > 0)


def _evaluations(measured: Measured, recipe: Recipe) -> int:
    knobs = recipe.callbacks.get("evaluation")
    if knobs is None or not measured.evaluation_every:
        return 0
    return _times(recipe.steps, _every(knobs, measured.evaluation_every), at_end=True)


def _looks(each: Periodic, recipe: Recipe) -> int:
    every = _every(recipe.diagnostics[each.key], each.every)
    return _times(recipe.steps, every, at_end=each.at_ends) + int(each.at_ends and every > 1)


def _checkpoints(measured: Measured, recipe: Recipe, evaluations: int) -> tuple[float, int]:
    """How many are written, and how many are left at the end."""
    knobs = recipe.callbacks.get("checkpointing")
    if knobs is None or not measured.checkpoint_every:
        return 0.0, 0
    regular = _times(recipe.steps, _every(knobs, measured.checkpoint_every), at_end=True)
    best = bool(knobs.get("best", measured.checkpoint_best)) and evaluations > 0
    last = int(str(knobs.get("last", measured.checkpoint_last)))
    return regular + best * BETTER * evaluations, min(regular, last) + int(best)
