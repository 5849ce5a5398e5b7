"""What will run: compiled from a Document that has no errors. Frozen; the same for a thread and a child process."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from core.blocks.catalog import blocks
from core.data.catalog import transforms
from core.data.order import packs_rows
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.selection import of_task
from core.graph.vocabulary import BlockSpec


def hangs_on(key: str) -> Mapping[str, tuple[str, ...]]:
    """Outgoing ports of a kind of node that hang on some of the incoming ones alone, with these."""
    if key in transforms:
        return transforms[key].hangs_on
    return blocks[key].hangs_on if key in blocks else {}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What hangs on one source: its transforms, the blocks they reach, the objectives they end in; all in running order.

    A block may belong to many tasks: the same node has the same weights.
    """

    source: str  # the node that gives samples
    title: str  # how it is called, in series and sentences; of no two tasks alike
    sample_nodes: tuple[str, ...]  # source and transforms
    batch_nodes: tuple[str, ...]  # blocks and objectives
    objectives: tuple[str, ...]
    carried: tuple[End, ...]  # per-sample ends that its batches carry
    ends: frozenset[End]  # outgoing ends that have a value in it


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Tasks, and the blocks of all of them in running order."""

    document: Document
    analysis: Analysis
    specs: Mapping[str, BlockSpec]
    inputs: Mapping[str, Mapping[str, End]]  # node -> incoming port -> where it comes from
    tasks: tuple[Task, ...]  # at least one
    sample_nodes: tuple[str, ...]  # sources and transforms of every task, in order
    batch_nodes: tuple[str, ...]  # blocks and objectives of every task, in order
    objectives: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The nodes that give samples, one a task."""
        return tuple(task.source for task in self.tasks)

    def tasks_with(self, node: str) -> tuple[Task, ...]:
        """The tasks that a block or an objective is part of."""
        return tuple(task for task in self.tasks if node in task.batch_nodes)

    def named(self, name: str, task: Task) -> str:
        """A part of a series' name as this plan says it: with the task's title where there is more than one."""
        return of_task(name, task.title) if len(self.tasks) > 1 else name

    def owner(self, node: str) -> str:
        """The node whose weights a node has."""
        return self.document.owner(node)

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """Every set of weights once, by the node that owns it (which need not run itself), in running order."""
        return tuple(dict.fromkeys(map(self.owner, self.batch_nodes)))

    @cached_property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Owner of weights -> the nodes that run with them, in running order."""
        found: dict[str, list[str]] = {}
        for key in self.batch_nodes:
            found.setdefault(self.owner(key), []).append(key)
        return {owner: tuple(keys) for owner, keys in found.items()}

    @cached_property
    def made_at(self) -> Mapping[str, str]:
        """Owner of weights -> the node at which they are first met: what comes in there says how large they are."""
        found: dict[str, str] = {}
        for key in self.inputs:
            found.setdefault(self.owner(key), key)
        return found

    @cached_property
    def mixing(self) -> tuple[str, ...]:
        """Nodes that need the whole batch: objectives, what compares samples, and what such nodes feed."""
        found: list[str] = []
        for key in self.batch_nodes:
            behind = any(end.node in found for end in self.inputs[key].values())
            if behind or key in self.objectives or self.specs[key].mixes:
                found.append(key)
        return tuple(found)

    @cached_property
    def joint(self) -> tuple[str, ...]:
        """Nodes that are given the batch of all processes, where several share it: what compares samples and does not gather
        them by itself as objectives do, and what such nodes feed. Of packs processes have unequal parts, which no objective weighs.
        """
        if packs_rows(self.document.recipe.batching.key):
            return self.mixing
        found: list[str] = []
        for key in self.batch_nodes:
            compares = self.specs[key].mixes and key not in self.objectives
            if compares or any(end.node in found for end in self.inputs[key].values()):
                found.append(key)
        return tuple(found)

    @cached_property
    def own_rates(self) -> Mapping[str, float]:
        """The learning rates that blocks ask for themselves, by node: an opponent's, where one is set."""
        rates = {key: self.document.nodes[key].knobs.get("learning_rate") for key in self.owners}
        return {key: float(rate) for key, rate in rates.items() if rate is not None}

    def modality(self, node: str) -> str:
        """The node's modality, or that of the nearest block it feeds from; ``shared`` where both meet."""
        own = self.specs[node].modality
        if own not in ("any", "shared"):
            return own
        found = {self.modality_of(end) for end in self.inputs[node].values()} - {"any", "loss"}
        return found.pop() if len(found) == 1 else "shared" if found else own

    def modality_of_weights(self, owner: str) -> str:
        """The modality of the places that have the weights; ``shared`` where they differ."""
        found = {self.modality(key) for key in self.places[owner]}
        return found.pop() if len(found) == 1 else "shared"

    def modality_of(self, end: End) -> str:
        """The modality of what flows out there: a node with streams side by side gives each by the name it came in."""
        own = self.specs[end.node].modality
        if self.specs[end.node].alternatives and (port := self.specs[end.node].output(end.port)):
            return port.modality
        if self._hangs_on(end):
            found = {self.modality_of(source) for source in self.behind(end)}
            return found.pop() if len(found) == 1 else "shared"
        source = self.inputs[end.node].get(end.port)
        return self.modality_of(source) if own in ("any", "shared") and source is not None else self.modality(end.node)

    def made_of(self, node: str) -> Mapping[str, End]:
        """What comes in at a block when it is asked to make something: all but what only teaches it."""
        learns = blocks[self.document.nodes[node].block].learns
        return {port: end for port, end in self.inputs[node].items() if port not in learns}

    def before(self, node: str) -> Collection[End]:
        """What comes in at a node when something is made: at a block not what only teaches it."""
        return self.made_of(node).values() if node in self.batch_nodes else self.inputs[node].values()

    def nearest(self, ends: Iterable[End], kind: str, stops: Collection[str] = ()) -> End | None:
        """The nearest of a kind among some ends and what they are made of, that a batch has or a block makes; not behind ``stops``."""
        waiting, seen = list(ends), set[End]()
        while waiting:
            end = waiting.pop(0)
            if end in seen:
                continue
            seen.add(end)
            port = self.specs[end.node].output(end.port)
            is_there = end.node in self.batch_nodes or any(end in task.carried for task in self.tasks)
            if port is not None and port.kind == kind and is_there:
                return end
            waiting += () if end.node in stops else self.before(end.node)
        return None

    def behind(self, end: End) -> list[End]:
        """What an end is made of: all that its node takes, those that it says it hangs on, or of alternatives those of its kind."""
        given = self.inputs.get(end.node, {})
        arms = self._hangs_on(end) or self.specs[end.node].arms(end.port)
        return [given[arm] for arm in arms if arm in given]

    def _hangs_on(self, end: End) -> tuple[str, ...]:
        return hangs_on(self.document.nodes[end.node].block).get(end.port, ())

    def sides(self, objective: str) -> tuple[End, End] | None:
        """The two ends of embeddings that an objective pulls together."""
        pair = self.pair(objective)
        spec = self.specs[objective]
        alike = pair and all((port := spec.input(side)) and port.kind == "embedding" for side in ("left", "right"))
        return pair if alike else None

    def pair(self, objective: str) -> tuple[End, End] | None:
        """The two ends an objective pulls together, whatever flows there: embeddings or tokens."""
        ends = self.inputs[objective]
        names = [name for name in ("left", "right") if name in ends]
        return (ends["left"], ends["right"]) if len(names) == 2 else None
