"""Frozen towers give the same answer for the same sample: compute it once, keep it in memory, and reuse it.

A node is kept where it and everything before it is frozen in every stage, in eval mode, and untouched by augmentation.
Answers are kept by sample index in float32 on the CPU, so the run equals the one without the callback up to rounding. What one run
computed serves the next of this process where samples, frozen blocks and their weights are the very same, as in a sweep, whose trials leave
each other all that the limit allows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.compiler.sharding import whole
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
        self._kept: dict[str, Shelf] = {}  # by source

    def began(self, run: Running) -> None:
        """Find what can be kept and stand between the feed and the model."""
        self.ends = {task.source: ends for task in run.each_task() if (ends := _frozen_frontier(run))}
        if not self.ends:
            run.log("Nothing frozen can be kept: no frozen block has only frozen, unaugmented blocks before it.")
        marks = {
            task.source: _mark(run, self.ends[task.source]) for task in run.each_task() if task.source in self.ends
        }
        self._kept = {source: _LAST.get(mark, Shelf()) for source, mark in marks.items()}
        _LAST.clear()
        _LAST.update({mark: self._kept[source] for source, mark in marks.items()})
        for source in self.ends:
            run.feeds[source].after.append(partial(self._complete, run, source))

    def _complete(self, run: Running, source: str, batch: dict[End, Any], indices: list[int]) -> dict[End, Any]:
        ends = self.ends[source]
        kept = self._kept[source].values
        missing = [place for place, index in enumerate(indices) if index not in kept]
        fresh: dict[int, dict[End, Any]] = {}
        if missing:
            with in_eval(run.experiment), torch.no_grad():
                for start in range(0, len(missing), 64):
                    places = missing[start : start + 64]
                    part = {end: _picked(value, places) for end, value in batch.items()}
                    values = run.experiment.run(part, [end.node for end in ends])
                    for row, place in enumerate(places):
                        fresh[indices[place]] = {end: _on_cpu(part_of(values[end], row, row + 1)) for end in ends}
        rows = [kept.get(index) or fresh[index] for index in indices]
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
        shelf = self._kept[source]
        for index, values in fresh.items():
            size = sum(
                x.numel() * x.element_size() for x in pytree.tree_leaves(list(values.values())) if isinstance(x, Tensor)
            )
            if sum(each.bytes for each in self._kept.values()) + size <= self.config.mebibytes * 2**20:
                shelf.values[index] = values
                shelf.bytes += size

    def held(self, source: str) -> tuple[int, int]:
        """How many samples of a task are kept now, and the bytes of all."""
        shelf = self._kept.get(source, Shelf())
        return len(shelf.values), shelf.bytes

    def ended(self, run: Running) -> None:
        """What is too large to lie about goes with the run, or with the last of a sweep."""
        if not run.control.others_follow:
            let_go()


@dataclass
class Shelf:
    """Answers by sample."""

    values: dict[int, dict[End, Any]] = field(default_factory=dict)
    bytes: int = 0


MOST_LEFT_BYTES = 512 * 2**20  # that a run leaves for the next
_LAST: dict[str, Shelf] = {}  # of the newest run of this process, by what made them


def let_go() -> None:
    """Drop what the newest run left where it is too large to lie about."""
    if sum(shelf.bytes for shelf in _LAST.values()) > MOST_LEFT_BYTES:
        _LAST.clear()


def _mark(run: Running, ends: tuple[End, ...]) -> str:
    """What the answers hang on: samples, what was learned from them, and every frozen block before the ends with its weights."""
    plan = run.plan
    before, waiting = set[str](), [end.node for end in ends]
    while waiting:
        if (key := waiting.pop()) not in before:
            before.add(key)
            waiting += [end.node for end in plan.inputs.get(key, {}).values()]
    digest = hashlib.blake2b(repr((run.feed.source.fingerprint(), ends, sorted(run.graph.state().items()))).encode())
    for key in sorted(before):
        node = plan.document.nodes[key]
        digest.update(
            repr((key, node.block, sorted(node.knobs.items()), sorted(plan.inputs.get(key, {}).items()))).encode()
        )
        if key in run.experiment.towers():
            for name, tensor in sorted(run.experiment.node(key).state_dict().items()):
                digest.update(name.encode())
                digest.update(whole(tensor.detach()).cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


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
