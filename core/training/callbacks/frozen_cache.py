"""Frozen towers give the same answer for the same sample: compute it once, keep it in memory, and reuse it.

A node is kept where it and everything before it is frozen in every stage, in eval mode, and untouched by augmentation.
Answers are kept by sample index in float32 on the CPU, so the run equals the one without the callback up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.graph.document import End
from core.knobs import knob
from core.telemetry.diagnostics.unmoved import in_eval
from core.training.callback import Callback, callbacks
from core.training.gradients import join, part_of
from core.training.running import Running


@callbacks.register("frozen_cache")
class FrozenCache(Callback):
    """Computes each sample's frozen features once."""

    title = "Cache frozen features"
    order = 2

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How much memory it may take."""

        mebibytes: int = knob(
            2048,
            "Memory for kept features; beyond it they are computed again.",
            low=1,
            high=1_000_000,
            unit="MiB",
            title="Memory limit",
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ends: dict[str, tuple[End, ...]] = {}  # source -> what its task's samples are kept at
        self._kept: dict[tuple[str, int], dict[End, Any]] = {}  # source and sample
        self._bytes = 0

    def began(self, run: Running) -> None:
        """Find what can be kept and stand between the feed and the model."""
        self.ends = {task.source: ends for task in run.each_task() if (ends := _frozen_frontier(run))}
        if not self.ends:
            run.log("Nothing frozen can be kept: no frozen block has only frozen, unaugmented blocks before it.")
        for source in self.ends:
            run.feeds[source].after.append(partial(self._complete, run, source))

    def _complete(self, run: Running, source: str, batch: dict[End, Any], indices: list[int]) -> dict[End, Any]:
        ends = self.ends[source]
        missing = [place for place, index in enumerate(indices) if (source, index) not in self._kept]
        fresh: dict[int, dict[End, Any]] = {}
        if missing:
            with in_eval(run.experiment), torch.no_grad():
                for start in range(0, len(missing), 64):
                    places = missing[start : start + 64]
                    part = {end: _picked(value, places) for end, value in batch.items()}
                    values = run.experiment.run(part, [end.node for end in ends])
                    for row, place in enumerate(places):
                        fresh[indices[place]] = {end: _on_cpu(part_of(values[end], row, row + 1)) for end in ends}
        rows = [self._kept.get((source, index)) or fresh[index] for index in indices]
        self._keep(source, fresh)
        joined = join(rows)
        return {
            **batch,
            **{
                end: pytree.tree_map(lambda x: x.to(run.device) if isinstance(x, Tensor) else x, v)
                for end, v in joined.items()
            },
        }

    def _keep(self, source: str, fresh: Mapping[int, dict[End, Any]]) -> None:
        for index, values in fresh.items():
            size = sum(
                x.numel() * x.element_size() for x in pytree.tree_leaves(list(values.values())) if isinstance(x, Tensor)
            )
            if self._bytes + size <= self.config.mebibytes * 2**20:
                self._kept[source, index] = values
                self._bytes += size


def _frozen_frontier(run: Running) -> tuple[End, ...]:
    """Ends of frozen nodes that something trained, or an objective, takes, of the task at work."""
    plan, task = run.plan, run.task
    stages = range(len(run.recipe.stage_list()))
    still: set[str] = {task.source}
    for key in task.sample_nodes:
        steady = key != task.source and not run.graph.transforms[key].only_in_training
        if steady and all(end.node in still for end in plan.inputs[key].values() if end in task.ends):
            still.add(key)
    for key in (key for key in run.experiment.towers() if key in task.batch_nodes):
        if any(port.kind == "loss" for port in plan.specs[key].gives):
            continue  # one number a batch, not a sample's
        frozen = all(plan.document.rule(key, stage).frozen for stage in stages) or not list(
            run.experiment.node(key).parameters()
        )
        if frozen and all(end.node in still for end in plan.inputs[key].values()):
            still.add(key)
    blocks = still & set(run.experiment.towers())
    taken = {
        end for key in task.batch_nodes if key not in still for end in plan.inputs[key].values() if end.node in blocks
    }
    return tuple(sorted(taken))


def _picked(value: Any, places: list[int]) -> Any:
    if isinstance(value, list):
        return [value[place] for place in places]
    return pytree.tree_map(lambda leaf: leaf[places] if isinstance(leaf, Tensor) else leaf, value)


def _on_cpu(value: Any) -> Any:
    return pytree.tree_map(lambda leaf: leaf.detach().cpu().clone() if isinstance(leaf, Tensor) else leaf, value)
