"""What will run: compiled from a Document that has no errors. Frozen; the same for a thread and a child process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.vocabulary import BlockSpec


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Nodes in running order, split where samples become batches."""

    document: Document
    analysis: Analysis
    specs: Mapping[str, BlockSpec]
    inputs: Mapping[str, Mapping[str, End]]  # node -> incoming port -> where it comes from
    source: str  # the node that gives samples
    sample_nodes: tuple[str, ...]  # source and transforms, in order
    batch_nodes: tuple[str, ...]  # blocks and objectives, in order
    objectives: tuple[str, ...]
    carried: tuple[End, ...]  # per-sample ends that batches must carry

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
        source = self.inputs[end.node].get(end.port)
        return self.modality_of(source) if own in ("any", "shared") and source is not None else self.modality(end.node)

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
