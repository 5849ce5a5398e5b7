"""How a step's gradient comes about: plain, accumulated (another objective for InfoNCE), or cached (the same one).

Gradient caching (Gao et al., arXiv:2101.06983): embed all chunks without a graph, take the loss's gradient with
respect to the embeddings, then embed each chunk again with the same random numbers and push that gradient through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from core.blocks.values import full, joined
from core.graph.document import End

if TYPE_CHECKING:
    from core.training.trainer import Trainer

Gradient = Callable[["Trainer"], dict[str, Tensor]]


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """The sum of all objectives."""
    return torch.stack([full(loss) for loss in losses.values()]).sum()


def plain(run: Trainer) -> dict[str, Tensor]:
    """The whole batch in one pass."""
    values = run.forward(run.batch)
    losses = run.experiment.losses(values)
    total(losses).backward()  # type: ignore[no-untyped-call]
    keep_sides(run, values)
    return losses


def accumulated(run: Trainer, chunks: int) -> dict[str, Tensor]:
    """Mean of the chunks' own losses: equal to the plain loss only for objectives that do not compare samples."""
    sums: dict[str, Tensor] = {}
    sides: list[dict[End, Any]] = []
    parts = list(split(run.batch, len(run.indices), -(-len(run.indices) // chunks)))
    for part, share in parts:
        values = run.forward(part)
        losses = run.experiment.losses(values)
        (total(losses) * share).backward()  # type: ignore[no-untyped-call]
        for key, loss in losses.items():
            sums[key] = sums.get(key, torch.zeros_like(loss)) + loss.detach() * share
        sides.append({end: values[end] for end in _cut(run)})
    keep_sides(run, join(sides))
    return sums


def cached(run: Trainer, chunk: int) -> dict[str, Tensor]:
    """The plain gradient, with no more than ``chunk`` samples in the towers at a time."""
    cut = _cut(run)
    makers = [end.node for end in cut if end.node in run.plan.batch_nodes]
    parts = [part for part, _ in split(run.batch, len(run.indices), chunk)]
    states: list[list[Tensor]] = []
    made: list[dict[End, Any]] = []
    with torch.no_grad():
        for part in parts:
            states.append(_random_state(run.device))
            values = run.forward(part, makers)
            made.append({end: values[end] for end in cut})
    leaves = {end: _leaf(value) for end, value in join(made).items()}
    mixed = run.forward({**run.batch, **leaves})
    losses = run.experiment.losses(mixed)
    total(losses).backward()  # type: ignore[no-untyped-call]
    after = _random_state(run.device)
    start = 0
    for part, state, small in zip(parts, states, made):
        _set_random_state(run.device, state)
        values = run.forward(part, makers)
        size = _length(small)
        _push(values, leaves, cut, start, size)
        start += size
    _set_random_state(run.device, after)
    keep_sides(run, mixed)
    return losses


def _cut(run: Trainer) -> list[End]:
    """What the nodes that need the whole batch take from the rest of the drawing."""
    plan = run.plan
    ends = {end for key in plan.mixing for end in plan.inputs[key].values() if end.node not in plan.mixing}
    return sorted(ends)


def split(batch: Mapping[End, Any], count: int, chunk: int) -> Iterator[tuple[dict[End, Any], float]]:
    """Parts of a batch with their share of it."""
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        yield {end: part_of(value, start, stop) for end, value in batch.items()}, (stop - start) / count


def part_of(value: Any, start: int, stop: int) -> Any:
    """Samples ``start`` to ``stop`` of a value on a wire."""
    if isinstance(value, list):
        return value[start:stop]
    return pytree.tree_map(lambda leaf: leaf[start:stop] if isinstance(leaf, Tensor) else leaf, value)


def join(parts: list[dict[End, Any]]) -> dict[End, Any]:
    """The inverse of :func:`split`."""
    return {end: joined([part[end] for part in parts]) for end in parts[0]}


def _leaf(value: Any) -> Any:
    def free(leaf: Any) -> Any:
        return leaf.detach().requires_grad_() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    return pytree.tree_map(free, value)


def _push(values: Mapping[End, Any], leaves: Mapping[End, Any], cut: list[End], start: int, size: int) -> None:
    outputs, gradients = [], []
    for end in cut:
        for made, leaf in zip(pytree.tree_leaves(values[end]), pytree.tree_leaves(leaves[end])):
            if isinstance(made, Tensor) and made.requires_grad and leaf.grad is not None:
                outputs.append(made)
                gradients.append(leaf.grad[start : start + size].to(made.dtype))
    if outputs:
        torch.autograd.backward(outputs, gradients)


def _length(values: Mapping[End, Any]) -> int:
    return next(len(leaf) for leaf in pytree.tree_leaves(list(values.values())) if isinstance(leaf, Tensor))


def _random_state(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_state(device: torch.device, states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def keep_sides(run: Trainer, values: Mapping[End, Any]) -> None:
    """Both sides of every pairwise objective, and what was contrasted, for probes."""
    run.sides, run.negatives = {}, {}
    for key in run.plan.objectives:
        ends = run.plan.sides(key)
        if ends is not None:
            run.sides[key] = _both_present(run, key, values, (values[ends[0]].detach(), values[ends[1]].detach()))
        chosen = run.plan.inputs[key].get("negatives")
        if chosen is not None and chosen in values:
            run.negatives[key] = values[chosen]


def _both_present(
    run: Trainer, key: str, values: Mapping[End, Any], pair: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Rows of samples that have both sides; all where candidates were chosen, for those count the whole batch."""
    inputs = run.plan.inputs[key]
    if "present" not in inputs or "negatives" in inputs or inputs["present"] not in values:
        return pair
    there_B = values[inputs["present"]] > 0
    return pair[0][there_B], pair[1][there_B]
