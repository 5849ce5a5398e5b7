"""How a step's gradient comes about: plain, accumulated (another objective for InfoNCE), or cached (the same one).

Accumulation weighs the loss of every part by what it is a mean over (``Block.counted``: samples, hidden words, real
tokens), so objectives that do not compare samples keep their value however unequal the parts are.

Gradient caching (Gao et al., arXiv:2101.06983): embed all chunks without a graph, take the loss's gradient with
respect to the embeddings, then embed each chunk again with the same random numbers and push that gradient through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from core.blocks.objectives.gathering import gathered_values, processes, summed
from core.blocks.packing import unpacked
from core.blocks.values import full, joined
from core.graph.document import End
from core.telemetry.diagnostics.unmoved import unmoved
from core.training.processes import added, mean_gradients
from core.training.running import Running

LARGEST_WEIGHT = 1e4  # of an adaptive weight, as in taming-transformers


def total(losses: Mapping[str, Tensor], opposing: Mapping[str, Tensor]) -> Tensor:
    """The sum of all objectives, and of the losses of those that learn against them: no gradient of one reaches the other."""
    return torch.stack([full(loss) for loss in (*losses.values(), *opposing.values())]).sum()


def weighed(run: Running, values: Mapping[End, Any], losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The losses, with adaptive weights on those that ask for them.

    ``|dR/dw| / (|dA/dw| + 1e-4)`` for such a loss A and the sum R of all others, at the last layer w of what made its
    images (VQGAN, arXiv:2012.09841, equation 7); at the images themselves where the maker names no last layer, or has
    run before (gradient caching).
    """
    found = dict(losses)
    for key, loss in losses.items():
        node: Any = run.experiment.node(key)
        if not getattr(node.config, "adaptive", False) or not loss.requires_grad:
            continue
        end = run.plan.inputs[key]["made"]
        images = values[end]
        maker = run.experiment.node(end.node) if end.node in run.plan.batch_nodes else None
        place = getattr(maker, "last_weight", images) if images.grad_fn is not None else images
        rest = [full(other) for name, other in losses.items() if name != key and other.requires_grad]
        pulls = _length(torch.stack(rest).sum(), place) if rest else None
        if pulls is not None and place.requires_grad:
            own = _length(loss, place) or loss.new_zeros(())
            run.weights[key] = (pulls / (own + 1e-4)).clamp(max=LARGEST_WEIGHT)
            found[key] = run.weights[key] * loss
    return found


def _length(loss: Tensor, place: Tensor) -> Tensor | None:
    """The norm of a loss's gradient at a tensor, that of the whole batch where processes share it; None where it does not reach it.

    The graph stays.
    """
    (own,) = torch.autograd.grad(loss, place, retain_graph=True, allow_unused=True)
    if not isinstance(place, nn.Parameter):  # every process has some of the images
        return None if own is None else summed(full(own).pow(2).sum()).sqrt() / processes()
    (gradient,) = mean_gradients([place], [own])
    return None if gradient is None else torch.linalg.vector_norm(full(gradient))


def plain(run: Running) -> dict[str, Tensor]:
    """The whole batch in one pass."""
    values = run.forward(run.batch)
    losses = weighed(run, values, run.experiment.losses(values))
    pull(run, losses, run.experiment.opposing(values))
    keep_sides(run, values)
    return losses


def pull(run: Running, losses: Mapping[str, Tensor], opposing: Mapping[str, Tensor]) -> None:
    """Every gradient of a task in one backward pass, weighed by its share where several tasks learn in one step.

    Losses of opponents are kept for :meth:`Running.opposing`; where nothing plays yet there is no gradient.
    """
    run.opposing.update(opposing)
    share, whole = run.shares.get(run.task.source, 1.0), total(losses, opposing)
    if whole.requires_grad:
        (whole if share == 1.0 else whole * share).backward()  # type: ignore[no-untyped-call]


def accumulated(run: Running, chunks: int) -> dict[str, Tensor]:
    """Weighed mean of the chunks' own losses: the plain loss only for objectives that do not compare samples."""
    sums: dict[str, Tensor] = {}
    against: dict[str, Tensor] = {}
    sides: list[dict[End, Any]] = []
    parts = [part for part, _ in split(run.batch, len(run.indices), -(-len(run.indices) // chunks))]
    for part, shares in zip(parts, _shares(run, parts)):
        values = run.forward(part)
        whole = weighed(run, values, run.experiment.losses(values))
        losses = {key: loss * shares[key] for key, loss in whole.items()}
        opposing = {key: loss * shares[key] for key, loss in run.experiment.opposing(values).items()}
        pull(run, losses, opposing)
        for kept, found in ((sums, losses), (against, opposing)):
            for key, loss in found.items():
                kept[key] = kept.get(key, torch.zeros_like(loss)) + loss.detach()
        sides.append({end: values[end].detach() for end in _watched(run) if end in values})
    run.opposing.update(against)
    keep_sides(run, join(sides))
    return sums


def _shares(run: Running, parts: list[dict[End, Any]]) -> list[dict[str, Tensor | float]]:
    """For every part and objective, the part's share of what the loss is a mean over; they sum to one over the parts.

    Where that is made by blocks (such as which patches are hidden), they run once without a graph, and the parts that
    follow draw the same random numbers.
    """
    makers = {key: _weighed_by(run, key) for key in run.task.objectives}
    wanted = [
        end.node for node in makers.values() for end in _counts(run, node).values() if end.node in run.plan.batch_nodes
    ]
    state = _random_state(run.device)
    found: list[dict[str, Tensor | float]] = []
    with torch.no_grad(), unmoved(*([run.experiment] if wanted else [])):
        for part in parts:
            values = run.forward(part) if wanted else part
            found.append({key: _counted(run, node, values, samples=_samples(part)) for key, node in makers.items()})
    _set_random_state(run.device, state)
    found = [{key: added(float(counts[key])) for key in makers} for counts in found]
    whole = {key: sum(float(counts[key]) for counts in found) for key in makers}
    return [{key: float(n) / whole[key] if whole[key] else 0.0 for key, n in counts.items()} for counts in found]


def _weighed_by(run: Running, objective: str) -> str:
    """The node that says what an objective's loss is a mean over: itself, or the block whose loss it weighs."""
    made = run.plan.inputs[objective].get("loss")
    return objective if made is None else made.node


def _counts(run: Running, node: str) -> dict[str, End]:
    """The ends that a node reads to say what its loss is a mean over; none where it is samples."""
    counts = getattr(run.experiment.node(node), "counts", ())
    return {port: end for port, end in run.plan.inputs[node].items() if port in counts}


def _counted(run: Running, node: str, values: Mapping[End, Any], samples: int) -> Tensor | float:
    """How many things the loss that a node gives is a mean over, in a part of so many samples."""
    ends = _counts(run, node)
    if not ends:
        return samples
    return run.experiment.node(node).counted(**{port: unpacked(values[end]) for port, end in ends.items()})  # type: ignore[operator]


def _samples(part: Mapping[End, Any]) -> int:
    return len(next(leaf for leaf in pytree.tree_leaves(part) if isinstance(leaf, Tensor)))


def _towers(run: Running) -> list[nn.Module]:
    return list(dict.fromkeys(run.experiment.node(key) for key in run.experiment.towers()))


def cached(run: Running, chunk: int) -> dict[str, Tensor]:
    """The plain gradient, with no more than ``chunk`` samples in the towers at a time."""
    cut = _cut(run)
    makers = [end.node for end in cut if end.node in run.plan.batch_nodes]
    parts = [part for part, _ in split(run.batch, len(run.indices), chunk)]
    states: list[list[Tensor]] = []
    made: list[dict[End, Any]] = []
    counts: list[dict[End, float]] = []
    with torch.no_grad(), unmoved(*_towers(run)):  # the second pass counts
        for part in parts:
            states.append(_random_state(run.device))
            values = run.forward(part, makers)
            made.append({end: values[end] for end in cut})
            numbers = [end for end in cut if _is_number(values[end])]
            counts.append({end: float(_counted(run, end.node, values, _samples(part))) for end in numbers})
    joint = {end: _mean(made, counts, end) for end in counts[0]}
    leaves = {end: _leaf(value) for end, value in {**join(made, leave=set(joint)), **joint}.items()}
    mixed = run.forward({**run.batch, **leaves})
    losses = weighed(run, mixed, run.experiment.losses(mixed))
    pull(run, losses, run.experiment.opposing(mixed))
    after = _random_state(run.device)
    start = 0
    for number, (part, state) in enumerate(zip(parts, states)):
        _set_random_state(run.device, state)
        values = run.forward(part, makers)
        size = min(chunk, len(run.indices) - start)
        shares = {end: counts[number][end] / max(sum(c[end] for c in counts), 1e-12) for end in joint}
        _push(values, leaves, cut, shares, slice(start, start + size))
        start += size
    _set_random_state(run.device, after)
    keep_sides(run, mixed)
    return losses


def _cut(run: Running) -> list[End]:
    """What the nodes that need the whole batch take from the rest of the drawing."""
    plan = run.plan
    mixing = [key for key in plan.mixing if key in run.task.batch_nodes]
    ends = {end for key in mixing for end in plan.inputs[key].values() if end.node not in mixing}
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


def join(parts: list[dict[End, Any]], leave: Collection[End] = ()) -> dict[End, Any]:
    """The inverse of :func:`split`, without some ends."""
    return {end: joined([part[end] for part in parts]) for end in parts[0] if end not in leave}


def _is_number(value: Any) -> bool:
    """A loss that a block gives beside its output: one number a batch, so parts of it are weighed, not put in a row."""
    return isinstance(value, Tensor) and value.ndim == 0


def _mean(made: list[dict[End, Any]], counts: list[dict[End, float]], end: End) -> Tensor:
    weighed = [part[end] * count[end] for part, count in zip(made, counts)]
    return torch.stack(weighed).sum() / max(sum(count[end] for count in counts), 1e-12)


def _leaf(value: Any) -> Any:
    def free(leaf: Any) -> Any:
        return leaf.detach().requires_grad_() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    return pytree.tree_map(free, value)


def _push(
    values: Mapping[End, Any], leaves: Mapping[End, Any], cut: list[End], shares: Mapping[End, float], rows: slice
) -> None:
    outputs, gradients = [], []
    for end in cut:
        for made, leaf in zip(pytree.tree_leaves(values[end]), pytree.tree_leaves(leaves[end])):
            if isinstance(made, Tensor) and made.requires_grad and leaf.grad is not None:
                outputs.append(made)
                own = leaf.grad * shares[end] if end in shares else leaf.grad[rows]
                gradients.append(own.to(made.dtype))
    if outputs:
        torch.autograd.backward(outputs, gradients)


def _random_state(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_state(device: torch.device, states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def _watched(run: Running) -> set[End]:
    """What :func:`keep_sides` reads of a batch that was run in parts: both sides, and which samples have them."""
    sides = {end for key in run.task.objectives for end in run.plan.sides(key) or ()}
    return sides | {run.plan.inputs[key]["present"] for key in run.task.objectives if "present" in run.plan.inputs[key]}


def keep_sides(run: Running, values: Mapping[End, Any]) -> None:
    """Both sides of every pairwise objective of the task at work, and what was contrasted, for diagnostics.

    Of a batch that processes share, those of all of them.
    """
    values = {**values, **_everyones(run, values)}
    for key in run.task.objectives:
        ends = run.plan.sides(key)
        if ends is not None:
            run.sides[run.named(key)] = _both_present(
                run, key, values, (values[ends[0]].detach(), values[ends[1]].detach())
            )
        chosen = run.plan.inputs[key].get("negatives")
        if chosen is not None and chosen in values:
            run.negatives[run.named(key)] = values[chosen]


def _everyones(run: Running, values: Mapping[End, Any]) -> dict[End, Any]:
    own = [end for end in sorted(_watched(run)) if end in values and end.node not in run.plan.joint]
    return gathered_values({end: values[end].detach() for end in own})


def _both_present(
    run: Running, key: str, values: Mapping[End, Any], pair: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Rows of samples that have both sides; all where candidates were chosen, for those count the whole batch."""
    inputs = run.plan.inputs[key]
    if "present" not in inputs or "negatives" in inputs or inputs["present"] not in values:
        return pair
    there_B = values[inputs["present"]] > 0
    return pair[0][there_B], pair[1][there_B]
