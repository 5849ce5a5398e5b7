"""A graph in miniature, and how two graphs differ in it: boxes and lines with what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.graph.document import Document

State = Literal["same", "added", "removed", "changed"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A block."""

    node: str
    title: str
    x: float  # scene units
    y: float
    state: State = "same"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A wire, by the places of its boxes."""

    start: int
    end: int
    state: State = "same"


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """Boxes and lines of both graphs."""

    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()


def sketch_between(before: Document, after: Document, changed: frozenset[str], titles: Mapping[str, str]) -> Sketch:
    """Where things are now, and what is gone where it was; ``changed``: nodes of which a setting differs."""
    drawn = {**before.nodes, **after.nodes}
    boxes = tuple(
        Box(
            node=key, title=titles.get(key, node.title or key), x=node.x, y=node.y,
            state="added" if key not in before.nodes else "removed" if key not in after.nodes
            else "changed" if key in changed else "same",
        )
        for key, node in drawn.items()
    )  # fmt: skip
    place = {key: number for number, key in enumerate(drawn)}
    old, new = ({wire.key: wire for wire in document.wires} for document in (before, after))
    lines = tuple(
        Line(
            start=place[wire.source.node], end=place[wire.target.node],
            state="added" if key not in old else "removed" if key not in new else "same",
        )
        for key, wire in {**old, **new}.items()
        if wire.source.node in place and wire.target.node in place
    )  # fmt: skip
    return Sketch(boxes=boxes, lines=lines)
