"""Moving nodes as an edit: reroute points between moved nodes go with them."""

from __future__ import annotations

from collections.abc import Mapping

from core.graph import edits
from core.graph.document import Document
from widgets.canvas.geometry import Point


def carried(document: Document, places: Mapping[str, Point], straighten: bool = False) -> Document:
    """Nodes at new places; wires between moved nodes keep their shape, or lose their reroute points."""
    moved = edits.move(document, places)
    for wire in document.wires:
        if not wire.via or wire.source.node not in places or wire.target.node not in places:
            continue
        node = document.nodes[wire.source.node]
        dx, dy = places[node.id][0] - node.x, places[node.id][1] - node.y
        via = () if straighten else tuple((x + dx, y + dy) for x, y in wire.via)
        moved = edits.reroute(moved, wire.key, via)
    return moved
