"""The per-sample parts of a plan with one task or several: a graph for each source, by the source's node.

A transform that several tasks share is one object in all their graphs, so it learns once, on the training samples of every
task: two tasks on one text tower have one vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from core.data.base import Transform
from core.data.pipeline import SampleGraph, learned_by, teach


class SampleGraphs(Mapping[str, SampleGraph]):
    """Graphs by source, in the order of the plan's tasks."""

    def __init__(self, graphs: Mapping[str, SampleGraph], order: Sequence[str]) -> None:
        """``order``: the nodes of all graphs, each after what it takes from."""
        self._graphs, self._order = dict(graphs), tuple(order)

    def __getitem__(self, source: str) -> SampleGraph:
        return self._graphs[source]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)

    @property
    def first(self) -> SampleGraph:
        """The first task's; the only one of most plans."""
        return next(iter(self._graphs.values()))

    def prepare(self, state: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Open every source, fit what neither has learned yet nor is in ``state``, and settle the splits. Raises Refused."""
        self.open()
        self.load_state(state or {})
        self.fit()
        for graph in self.values():
            graph.source.settle(graph.reads)

    def open(self) -> None:
        """Read every source's index. Raises Refused where too much of one cannot be used."""
        for graph in self.values():
            graph.open()

    def fit(self) -> None:
        """In order, on the training splits without augmentation; what has learned already is left alone."""
        for node, part in self.transforms.items():
            if part.needs_fit:
                owners = [graph for graph in self.values() if node in graph.transforms]
                part.fit(chain.from_iterable(graph.learnable(node) for graph in owners))
                self._learned(node)

    @property
    def transforms(self) -> dict[str, Transform]:
        """Every task's steps by node, each after what it takes from."""
        found = {node: part for graph in self.values() for node, part in graph.transforms.items()}
        return {node: found[node] for node in self._order if node in found}

    def state(self) -> dict[str, dict[str, Any]]:
        """What every transform learned, by node, as plain JSON."""
        return learned_by(self.transforms)

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """The inverse. Raises Refused where it belongs to other settings."""
        for node in teach(self.transforms, state):
            self._learned(node)

    def _learned(self, node: str) -> None:
        for graph in self.values():
            if node in graph.transforms:
                graph.learned(node)

    def close(self) -> None:
        """Let worker processes go; the graphs can be used again."""
        for graph in self.values():
            graph.close()
