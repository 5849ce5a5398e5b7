"""What of a checkpoint fits another drawing, tensor by tensor, and why the rest does not.

Names and shapes decide: those in the headers of the checkpoint's files, and those of the new drawing's modules, which for
the list that is shown before a fork starts are made on meta tensors. :mod:`core.training.forking` carries out the same
decision, so that list and run cannot differ.

- A weight is carried where the same node has a tensor of the same name and shape. Weights that were shared and are no longer
  begin, in both places, as they were.
- What a module remembers beside its weights (keys of a queue, running means, how often a code was used) is carried
  whole or not at all: a count without what was counted misleads. A queue is emptied too where what makes its keys has changed.
- Moments and moving averages follow their weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from core.blocks.catalog import blocks
from core.compiler.compile import compile
from core.compiler.module import Experiment, registered_as
from core.compiler.momentum import copied_by
from core.compiler.plan import Plan
from core.compiler.weights import CALLBACKS, WEIGHTS, damaged, tensor_file
from core.graph.document import Document, Node
from core.graph.inheritance import Fate, Heirloom, Inheritance
from core.graph.staging import begins_a_stage
from core.problems import Refused
from core.training.optimization import optimizers
from core.training.state import OPTIMIZER

Shapes = Mapping[str, tuple[int, ...]]
AVERAGE = "ema/"  # before the names of the moving average's tensors
MEASURED = ("evaluation",)  # callbacks whose memory is no score: when they last measured


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A checkpoint as it is looked at: the drawing it is of, its JSON state, and names and shapes of its tensors."""

    before: Document
    folder: Path
    state: Mapping[str, Any]
    weights: Shapes
    moments: Shapes
    callbacks: Shapes

    @property
    def step(self) -> int:
        """At which it was saved."""
        return int(self.state["position"]["step"])


def kept_at(folder: Path, state: Mapping[str, Any], before: Document) -> Kept:
    """A checkpoint, from the headers of its files alone. Raises Refused where one is gone or damaged."""
    weights, moments, callbacks = (shapes_in(folder, name) for name in (WEIGHTS, OPTIMIZER, CALLBACKS))
    return Kept(before=before, folder=folder, state=state, weights=weights, moments=moments, callbacks=callbacks)


def shapes_in(folder: Path, name: str) -> Shapes:
    """Names and shapes of a tensor file of a checkpoint; no tensor is read. Raises Refused where it is gone or damaged."""
    try:
        with safe_open(tensor_file(folder, name), framework="pt") as file:
            names = file.keys()
            return {key: tuple(file.get_slice(key).get_shape()) for key in names}
    except (OSError, SafetensorError) as error:
        raise damaged(folder) from error


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What is carried, as new names with the names in the checkpoint, and the same in words."""

    weights: Mapping[str, str]  # parameters, and what modules remember
    moments: Mapping[str, str]
    average: Mapping[str, str]
    scores: bool  # whether what callbacks remember still means the same
    told: Inheritance


def fit(experiment: Experiment, kept: Kept) -> Fit:
    """What of a checkpoint an experiment, which may be on meta, can take over."""
    found = _Fitting(experiment, kept)
    moments, average = found.followers(kept.moments, ""), found.followers(kept.callbacks, AVERAGE)
    fresh = begins_a_stage(kept.before, experiment.plan.document)
    return Fit(
        weights=found.carried, moments={} if fresh else moments,
        average=average if not fresh and "ema" in experiment.plan.document.recipe.callbacks else {},
        scores=not fresh and found.is_whole, told=found.told(moments, average),
    )  # fmt: skip


class _Fitting:
    """One experiment beside one checkpoint."""

    def __init__(self, experiment: Experiment, kept: Kept) -> None:
        self.experiment, self.plan, self.kept = experiment, experiment.plan, kept
        self.now, self.before = experiment.plan.document, kept.before
        self.own: Shapes = {name: tuple(tensor.shape) for name, tensor in experiment.state_dict().items()}
        self.origin = dict(self._origins())
        fits = {new: old for new, old in self.origin.items() if kept.weights.get(old) == self.own[new]}
        halves = set(self._half_remembered(fits))
        self.carried = {new: old for new, old in fits.items() if new not in halves}
        for key in self.queues:
            if not all(map(self.is_as_before, self._behind(key))):
                for name in self._names(key):
                    self.carried.pop(name, None)

    # Which tensor of the checkpoint one was

    def _origins(self) -> Iterator[tuple[str, str]]:
        """Each tensor's name with the one it would have in the checkpoint."""
        for key in self.plan.owners:
            if (old := self._was(key)) is not None:
                new, kept = (f"nodes.{registered_as(each)}." for each in (key, old.id))
                for name in self._names(key):
                    yield name, kept + _repeated(name.removeprefix(new), old, self.now.nodes[key])
        for queue in self.experiment.twins:
            places = {key: number for number, key in enumerate(self._copied_before(queue))}
            for number, key in enumerate(copied_by(self.plan, queue)):
                old, there = self._was(key), f"twins.{queue}.copies.{number}."
                if old is not None and old.id in places:
                    for name in (each for each in self.own if each.startswith(there)):
                        rest = _repeated(name.removeprefix(there), old, self.now.nodes[key])
                        yield name, f"twins.{queue}.copies.{places[old.id]}.{rest}"

    def _was(self, key: str) -> Node | None:
        """The node that owned the weights of one in the checkpoint's drawing; None where there was no such block."""
        node = self.before.nodes.get(key)
        same = node is not None and node.block == self.now.nodes[key].block
        return self.before.nodes[self.before.owner(key)] if same else None

    def _names(self, key: str) -> list[str]:
        place = f"nodes.{registered_as(key)}."
        return [name for name in self.own if name.startswith(place)]

    @cached_property
    def _plan_before(self) -> Plan | None:
        """None where the drawing can no longer be compiled: a block of it is gone, or its files are."""
        try:
            return compile(self.before)
        except Refused:
            return None

    def _copied_before(self, queue: str) -> tuple[str, ...]:
        """Whose copies made the keys of a queue."""
        had = self._plan_before is not None and queue in self._plan_before.batch_nodes
        return copied_by(self._plan_before, queue) if had and self._plan_before is not None else ()

    # What cannot be carried though it fits

    def _half_remembered(self, fits: Mapping[str, str]) -> Iterator[str]:
        """What a module remembers beside its weights, where not all of it fits."""
        for place, module in self.experiment.named_modules():
            names = [name for each in module._buffers if (name := f"{place}.{each}".lstrip(".")) in self.own]
            if not all(name in fits for name in names):
                yield from names

    @cached_property
    def queues(self) -> tuple[str, ...]:
        """Nodes that keep keys of earlier batches."""
        return tuple(key for key in self.plan.owners if hasattr(self.experiment.node(key), "push"))

    def _behind(self, queue: str) -> list[str]:
        """The blocks that make what a queue keeps."""
        found, waiting = list[str](), [queue]
        while waiting:
            for end in self.plan.inputs[waiting.pop()].values():
                if end.node in self.plan.batch_nodes and end.node not in found:
                    found.append(end.node)
                    waiting.append(end.node)
        return found

    def is_as_before(self, key: str) -> bool:
        """Whether a block does what it did: same settings, same wires, every weight carried."""
        if key not in self.before.nodes or self._was(self.plan.owner(key)) is None:
            return False
        same = _drawn(self.before, key) == _drawn(self.now, key)
        return same and all(name in self.carried for name in self._names(self.plan.owner(key)))

    @property
    def is_whole(self) -> bool:
        """Whether the model is what it was, so that its scores can be compared."""
        sources = all(gives_the_same(self.before, self.now, source) for source in self.plan.sources)
        return sources and len(self.carried) == len(self.own) == len(self.kept.weights)

    def followers(self, kept: Shapes, prefix: str) -> dict[str, str]:
        """What follows a parameter (``name/part``, or the name behind a prefix), as new names with kept ones."""
        learned = {name for name, _ in self.experiment.named_parameters()}
        by_owner: dict[str, list[str]] = {}
        for name in kept:
            owner = name.removeprefix(prefix) if prefix else name.rsplit("/", 1)[0]
            if name.startswith(prefix):
                by_owner.setdefault(owner, []).append(name)
        found = {}
        for new, old in self.carried.items():
            for name in by_owner.get(old, ()) if new in learned else ():
                found[new + name[len(prefix) + len(old) :]] = name
        return found if prefix or self.now.recipe.optimizer.key == self.before.recipe.optimizer.key else {}

    # In words

    def told(self, moments: Mapping[str, str], average: Mapping[str, str]) -> Inheritance:
        """Everything, part by part."""
        titles, gone = titles_of(self.now), [*self._left()]
        parts = [self._node(key, titles[key]) for key in self.plan.owners if self._names(key)]
        parts += [*gone, *self._words(titles), self._data()]
        if begins_a_stage(self.before, self.now):
            fresh = "A stage of its own begins at step 0, with fresh moments."
            parts.append(Heirloom(title="Optimiser", fate="new", reason=fresh))
        else:
            parts += [*self._moments(moments), *self._average(average), *self._scores()]
        return Inheritance(step=self.kept.step, steps=self.now.recipe.steps, parts=tuple(parts))

    def _node(self, key: str, title: str) -> Heirloom:
        names = self._names(key)
        missing = [name for name in names if name not in self.carried]
        of, lost = (sum(prod(self.own[name]) for name in some) for some in (names, missing))
        fate: Fate = "whole" if not missing else "new" if len(missing) == len(names) else "part"
        why = self._why(key, names, missing) if missing else ""
        return Heirloom(node=key, title=title, fate=fate, reason=why, carried=of - lost, of=of)

    def _why(self, key: str, names: list[str], missing: list[str]) -> str:
        """Why some of a node's tensors are not carried."""
        if self._was(key) is None:
            return "It was another kind of block." if key in self.before.nodes else "It is new in the graph."
        misfit = next((name for name in missing if self._old_shape(name) not in (None, self.own[name])), None)
        if key in self.queues:
            return (
                "What makes its keys has changed: it fills again." if misfit is None
                else "Its keys are of another number or width: it fills again."
            )  # fmt: skip
        if misfit is not None:
            was, now = (_size(shape or ()) for shape in (self._old_shape(misfit), self.own[misfit]))
            return f"{self._short(key, misfit)} was {was} and is {now}."
        if any(self._old_shape(name) is not None for name in missing):
            return "Part of what it remembers does not fit, so all of that begins anew."
        return f"{len(missing):,} of its {len(names):,} tensors are new; the first is {self._short(key, missing[0])}."

    def _old_shape(self, name: str) -> tuple[int, ...] | None:
        return self.kept.weights.get(self.origin.get(name, ""))

    def _short(self, key: str, name: str) -> str:
        return name.removeprefix(f"nodes.{registered_as(key)}.")

    def _left(self) -> Iterator[Heirloom]:
        """Nodes of the checkpoint that have weights and give none of them."""
        taken, titles = set(self.carried.values()), titles_of(self.before)
        tried = {old.id for key in self.plan.owners if (old := self._was(key)) is not None}
        for key in self.before.nodes:
            place = f"nodes.{registered_as(key)}."
            names = [name for name in self.kept.weights if name.startswith(place)]
            if names and key not in tried and taken.isdisjoint(names):
                gone = key not in self.now.nodes
                why = "It is no longer in the graph." if gone else "It is not used in this graph."
                of = sum(prod(self.kept.weights[name]) for name in names)
                yield Heirloom(node=key, title=titles[key], fate="left", reason=why, of=of)

    def _words(self, titles: Mapping[str, str]) -> Iterator[Heirloom]:
        kept = words_kept(self.before, self.now, self.kept.state["transforms"])
        for key in self.plan.sample_nodes:
            if key in kept:
                yield Heirloom(node=key, title=titles[key], fate="whole")
            elif key in self.kept.state["transforms"]:
                why = "Its settings have changed: it learns anew, and weights behind it may stand for other words."
                yield Heirloom(node=key, title=titles[key], fate="new", reason=why)

    def _data(self) -> Heirloom:
        others = [key for key in self.plan.sources if not gives_the_same(self.before, self.now, key)]
        why = "The data or its order has changed: steps go on, its epoch begins anew."
        return Heirloom(title="Data", fate="new" if others else "whole", reason=why if others else "")

    def _moments(self, moments: Mapping[str, str]) -> Iterator[Heirloom]:
        was, now = (document.recipe.optimizer.key for document in (self.before, self.now))
        if was != now:
            old, new = (optimizers[key].title if key in optimizers else key for key in (was, now))
            why = f"The moments of {old} say nothing to {new}: they begin anew."
            yield Heirloom(title="Optimiser", fate="new", reason=why)
        elif self.kept.moments:
            why = "The moments of weights that are not carried begin anew."
            yield self._follower("Optimiser", len(moments), len(self.kept.moments), why)

    def _average(self, average: Mapping[str, str]) -> Iterator[Heirloom]:
        kept = [name for name in self.kept.callbacks if name.startswith(AVERAGE)]
        if "ema" not in self.now.recipe.callbacks:
            if kept:
                yield Heirloom(title="Weight averaging (EMA)", fate="left", reason="It is switched off.")
        elif not kept:
            why = "It was off: it begins as the weights that are carried."
            yield Heirloom(title="Weight averaging (EMA)", fate="new", reason=why)
        else:
            why = "The averages of weights that are not carried begin anew."
            yield self._follower("Weight averaging (EMA)", len(average), len(kept), why)

    def _follower(self, title: str, carried: int, kept: int, why: str) -> Heirloom:
        """Of moments or averages: whole where all are taken and every weight that learns has a past."""
        learned = [name for name, _ in self.experiment.named_parameters() if not name.startswith("twins.")]
        whole = carried == kept and all(name in self.carried for name in learned)
        return Heirloom(
            title=title, fate="whole" if whole else "part" if carried else "new", reason="" if whole else why
        )

    def _scores(self) -> Iterator[Heirloom]:
        on = [key for key in self.now.recipe.callbacks if key not in MEASURED]
        if any(self.kept.state["callbacks"].get(key) for key in on):
            why = "Another model's best score and patience say nothing about this one's: they begin anew."
            whole = self.is_whole
            yield Heirloom(title="Best score", fate="whole" if whole else "new", reason="" if whole else why)


def words_kept(before: Document, now: Document, learned: Iterable[str]) -> frozenset[str]:
    """The per-sample steps that keep what they learned: those that are set as they were."""
    return frozenset(
        key for key in learned
        if key in before.nodes and key in now.nodes
        and (before.nodes[key].block, before.nodes[key].knobs) == (now.nodes[key].block, now.nodes[key].knobs)
    )  # fmt: skip


def gives_the_same(before: Document, now: Document, source: str) -> bool:
    """Whether a source gives the same samples in the same order in both drawings, whatever the size of a batch."""
    orders = [(each.recipe.seed, each.recipe.batching) for each in (before, now)]
    return source in before.nodes and orders[0] == orders[1] and _fed(before, source) == _fed(now, source)


def _fed(document: Document, key: str) -> tuple[Any, ...]:
    """A node with all that is led into it."""
    return (*_drawn(document, key), *(_fed(document, wire.source.node) for wire in sorted_wires(document, key)))


def _drawn(document: Document, key: str) -> tuple[Any, ...]:
    """What a node does: its kind, its settings, its wires."""
    node = document.nodes[key]
    wires = [(str(wire.source), wire.target.port) for wire in sorted_wires(document, key)]
    return (node.block, dict(node.knobs), node.muted, node.bypassed, node.repeat, wires)


def sorted_wires(document: Document, key: str) -> list[Any]:
    """Wires into a node, by where they end."""
    return sorted(document.wires_into(key), key=lambda wire: str(wire.target))


def _repeated(rest: str, old: Node, now: Node) -> str:
    """A tensor's name within a node in the checkpoint, where the node stood alone and now in a row, or the other way round."""
    first = "links.0."
    if old.repeat == 1 < now.repeat and rest.startswith(first):
        return rest.removeprefix(first)
    return first + rest if now.repeat == 1 < old.repeat else rest


def titles_of(document: Document) -> dict[str, str]:
    """A title for every node, those of several alike with numbers."""
    found = {
        key: node.title or (blocks[node.block].title if node.block in blocks else key.replace("_", " "))
        for key, node in document.nodes.items()
    }
    counts, used = Counter(found.values()), Counter[str]()
    for key, title in found.items():
        used[title] += 1
        if counts[title] > 1 and used[title] > 1:
            found[key] = f"{title} {used[title]}"
    return found


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
