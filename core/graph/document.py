"""What the person drew, with its recipe: a frozen value. Every edit gives a new one (:mod:`core.graph.edits`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from core.graph.ports import Port
from core.graph.recipe import Recipe, Rule, default_recipe
from core.graph.sweep import Sweep
from core.knobs import Value


def new_id() -> str:
    """A short identity for a document."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Node:
    """One block on the canvas. ``knobs`` holds only what differs from the defaults, by name."""

    id: str
    block: str  # catalogue key
    x: float = 0.0  # scene units, top left
    y: float = 0.0
    title: str = ""  # empty: the block's own title
    knobs: Mapping[str, Value] = field(default_factory=dict)
    muted: bool = False  # not run; what hangs on it is left out
    bypassed: bool = False  # passes its input through
    repeat: int = 1  # N copies in a row with weights of their own
    collapsed: bool = False
    same_as: str = ""  # the node whose weights it has; empty: its own
    extra: Mapping[str, Any] = field(default_factory=dict)  # fields this version does not know; kept

    def __post_init__(self) -> None:
        object.__setattr__(self, "knobs", MappingProxyType(dict(self.knobs)))


@dataclass(frozen=True, kw_only=True, order=True)
class End:
    """One end of a wire."""

    node: str
    port: str

    def __str__(self) -> str:
        return f"{self.node}.{self.port}"


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Data from an outgoing port to an incoming one; ``via`` are reroute points in scene units."""

    source: End
    target: End
    via: tuple[tuple[float, float], ...] = ()

    @property
    def key(self) -> str:
        """Identity: an incoming port has one wire."""
        return f"{self.source}>{self.target}"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A titled rectangle around nodes that belong together; as a note it holds none, and the title is its text."""

    id: str
    title: str
    x: float
    y: float
    width: float
    height: float
    is_note: bool = False


def _owner(nodes: Mapping[str, Node], node: str) -> str:
    here = nodes.get(node)
    there = nodes.get(here.same_as) if here is not None and here.same_as else None
    if here is None or there is None or there.same_as or there.block != here.block:
        return node
    return here.same_as


def _like_owners(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Nodes; further places of the same weights have their owner's settings, for they are one module."""
    found = dict(nodes)
    for key, node in nodes.items():
        owner = nodes[_owner(nodes, key)] if node.same_as else node
        if node is not owner and (node.knobs != owner.knobs or node.repeat != owner.repeat):
            found[key] = replace(node, knobs=owner.knobs, repeat=owner.repeat)
    return found


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """A setting of a block inside a subgraph that each of its copies can turn: under which name, and whose it is."""

    name: str
    node: str
    knob: str


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A drawing that stands as one block wherever a node names it: see :mod:`core.graph.subgraphs`."""

    id: str
    title: str = ""  # empty: its id
    note: str = ""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    wires: tuple[Wire, ...] = ()
    frames: Mapping[str, Frame] = field(default_factory=dict)
    takes: tuple[Port, ...] = ()
    gives: tuple[Port, ...] = ()
    knobs: tuple[Promoted, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", MappingProxyType(_like_owners(self.nodes)))
        object.__setattr__(self, "frames", MappingProxyType(dict(self.frames)))


@dataclass(frozen=True, kw_only=True)
class Document:
    """A drawing and its recipe."""

    id: str = field(default_factory=new_id)
    name: str = "untitled"
    note: str = ""  # what this experiment is for, in a sentence or two
    nodes: Mapping[str, Node] = field(default_factory=dict)
    wires: tuple[Wire, ...] = ()
    frames: Mapping[str, Frame] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=default_recipe)
    sweep: Sweep | None = None  # what is varied, where this is a family of runs
    definitions: Mapping[str, Definition] = field(default_factory=dict)  # its subgraphs, by id
    inside: str = ""  # the subgraph whose inside is drawn here; empty: it is a whole document
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", MappingProxyType(_like_owners(self.nodes)))
        object.__setattr__(self, "frames", MappingProxyType(dict(self.frames)))
        object.__setattr__(self, "definitions", MappingProxyType(dict(self.definitions)))

    def owner(self, node: str) -> str:
        """The node whose weights a node has: itself, unless it is a further place of another's."""
        return _owner(self.nodes, node)

    def places(self, node: str) -> tuple[str, ...]:
        """Every node with the weights of a node: their owner, then the others as they were drawn."""
        owner = self.owner(node)
        others = (key for key, other in self.nodes.items() if other.same_as == owner and self.owner(key) == owner)
        return (owner, *others)

    def rule(self, node: str, stage: int, own_rate: float | None = None) -> Rule:
        """What holds for a node's weights in a stage: their owner's rule, every field filled in; see :meth:`Recipe.rule`."""
        return self.recipe.rule(self.owner(node), stage, own_rate)

    def wires_into(self, node: str) -> Iterator[Wire]:
        """Wires that end at a node."""
        return (wire for wire in self.wires if wire.target.node == node)

    def wires_from(self, node: str) -> Iterator[Wire]:
        """Wires that start at a node."""
        return (wire for wire in self.wires if wire.source.node == node)

    def wire_at(self, target: End) -> Wire | None:
        """The wire into an incoming port."""
        return next((wire for wire in self.wires if wire.target == target), None)

    def order(self) -> list[str]:
        """Node ids, sources first (Kahn); nodes on a cycle are left out. Ties keep the drawing's order."""
        waiting = {node: sum(1 for _ in self.wires_into(node)) for node in self.nodes}
        followers: dict[str, list[str]] = {node: [] for node in self.nodes}
        for wire in self.wires:
            if wire.source.node in followers and wire.target.node in waiting:
                followers[wire.source.node].append(wire.target.node)
        ready = [node for node, count in waiting.items() if count == 0]
        done = []
        for node in ready:  # grows while it is walked
            done.append(node)
            for follower in followers[node]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    ready.append(follower)
        return done

    def ancestors(self, nodes: set[str]) -> set[str]:
        """The given nodes and everything they depend on."""
        found, open_ends = set(nodes), list(nodes)
        while open_ends:
            for wire in self.wires_into(open_ends.pop()):
                if wire.source.node not in found:
                    found.add(wire.source.node)
                    open_ends.append(wire.source.node)
        return found

    def fresh_node_id(self, block: str) -> str:
        """A readable id that is not taken: ``vit``, ``vit_2``, ..."""
        stem = block.rsplit(".", 1)[-1] or "node"
        if stem not in self.nodes:
            return stem
        return next(f"{stem}_{n}" for n in range(2, len(self.nodes) + 3) if f"{stem}_{n}" not in self.nodes)
