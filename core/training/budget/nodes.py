"""What each block takes of one pass forward and back: its time, and the bytes it keeps for the way back.

A pass of its own, apart from the steps that are timed: hooks around every operation cost time themselves.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.compiler.randomness import RANDOM_NUMBERS
from core.graph.budget.measured import NodeCost
from core.telemetry.diagnostics.unmoved import unmoved
from core.training.gradients import split, total
from core.training.trainer import Trainer


class Watcher:
    """Knows which node is at work, forward by its module's hooks and back by the operations that it left in the graph."""

    def __init__(self, modules: Mapping[tuple[str, ...], nn.Module], device: torch.device) -> None:
        """``modules``: by the nodes that run with them, in running order."""
        self._modules, self._device = modules, device
        self._own = {
            tensor.untyped_storage()._cdata
            for module in modules.values()
            for tensor in (*module.parameters(), *module.buffers())
        }
        self.forward: dict[str, float] = defaultdict(float)
        self.backward: dict[str, float] = defaultdict(float)
        self.saved: dict[str, dict[int, int]] = defaultdict(dict)  # node -> storage -> bytes
        self._known: set[int] = set()  # storages that were counted
        self._alive: list[Tensor] = []  # an address may be used again only after all is counted
        self._now, self._began = "", 0.0
        self._turn: dict[str, int] = defaultdict(int)  # how often weights were used so far
        self._taken: set[Any] = set()  # operations that belong to a node

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Inside: every node's forward is timed and what it saves is counted."""
        handles = []
        for places, module in self._modules.items():
            handles.append(module.register_forward_pre_hook(partial(self._enter, places)))
            handles.append(module.register_forward_hook(self._leave))
        try:
            with torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _time(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def _enter(self, places: tuple[str, ...], module: nn.Module, given: Any) -> None:
        self._now = places[self._turn[places[0]] % len(places)]
        self._turn[places[0]] += 1
        self._began = self._time()

    def _leave(self, module: nn.Module, given: Any, made: Any) -> None:
        self.forward[self._now] += self._time() - self._began
        for leaf in pytree.tree_leaves(made):
            if isinstance(leaf, Tensor) and leaf.grad_fn is not None:
                self._take(leaf.grad_fn, self._now)
        self._now = ""

    def _take(self, operation: Any, node: str) -> None:
        """An operation, and all before it that no node has yet, belong to a node."""
        waiting = [operation]
        while waiting:
            one = waiting.pop()
            if one is None or one in self._taken:
                continue
            self._taken.add(one)
            began = [0.0]
            one.register_prehook(partial(self._before, began))
            one.register_hook(partial(self._after, began, node))
            waiting += [before for before, _ in one.next_functions]

    def _before(self, began: list[float], gradients: Any) -> None:
        began[0] = self._time()

    def _after(self, began: list[float], node: str, inward: Any, outward: Any) -> None:
        self.backward[node] += self._time() - began[0]

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if self._now and storage._cdata not in self._own and storage._cdata not in self._known:
            self._known.add(storage._cdata)
            self.saved[self._now][storage._cdata] = storage.nbytes()
            self._alive.append(tensor.detach())
        return tensor


def node_costs(
    trainer: Trainer, weights: Mapping[str, float], before: tuple[NodeCost, ...] = ()
) -> tuple[NodeCost, ...]:
    """Every block of the tasks whose batches are there, each weighed by its share of the steps (``weights``, by source), with
    what was found ``before`` of other tasks.

    Where the gradient is made in parts, the pass has one part's samples and its time is scaled to the batch.
    """
    found = {one.node: one for one in before}
    plan = trainer.plan
    modules = {plan.places[owner]: trainer.experiment.node(owner) for owner in plan.owners}
    for task in trainer.each_task([source for source, share in weights.items() if share > 0]):
        watcher, count = Watcher(modules, trainer.device), len(trainer.indices)
        part, share = next(split(trainer.batch, count, samples_at_once(trainer, count)))
        with RANDOM_NUMBERS, unmoved(trainer.experiment):
            with watcher.watching():
                values = trainer.forward(part)
                whole = total(trainer.experiment.losses(values), trainer.experiment.opposing(values))
            if whole.requires_grad:
                whole.backward()  # type: ignore[no-untyped-call]
        trainer.groups.optimizer.zero_grad(set_to_none=True)
        scale = weights[task.source] / share
        for node in task.batch_nodes:
            other = found.get(node, NodeCost(node=node))
            found[node] = NodeCost(
                node=node, forward=other.forward + scale * watcher.forward.get(node, 0.0),
                backward=other.backward + scale * watcher.backward.get(node, 0.0),
                saved_bytes=max(other.saved_bytes, sum(watcher.saved.get(node, {}).values())),
                samples=max(other.samples, round(count * share)),
            )  # fmt: skip
    return tuple(found.values())


def samples_at_once(trainer: Trainer, count: int) -> int:
    """How many samples of a batch are in the blocks at a time, as the recipe's options say."""
    cache, parts = trainer.callback("gradient_cache"), trainer.callback("accumulation")
    if cache is not None:
        return min(int(cache.config.chunk), count)
    return -(-count // int(parts.config.chunks)) if parts is not None else count
