"""What decides the value that flows out of a node: its own settings, those of all that leads to it, the wires between, the seed.

Where a block lies, what it is called, and everything behind it, decide nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from core.graph.document import Document
from core.graph.file import to_data
from core.graph.subgraphs.flat import flattened


def leading_to(document: Document, nodes: Iterable[str]) -> frozenset[str]:
    """The nodes, all that leads to them, and the owners of weights that are used there."""
    found = document.ancestors(set(nodes))
    while owners := {document.owner(key) for key in found} - found:
        found = document.ancestors(found | owners)
    return frozenset(found)


def upstream_key(document: Document, *nodes: str) -> str:
    """Equal for drawings in which the same flows out of these nodes, for every sample and the same weights to begin with."""
    inside = leading_to(document, nodes)
    told = {
        "nodes": [_told(document, key) for key in sorted(inside)],
        "wires": sorted(wire.key for wire in document.wires if wire.target.node in inside),
        "asked": sorted(nodes),
        "seed": document.recipe.seed,
    }
    text = json.dumps(told, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def experiment_key(document: Document) -> str:
    """Equal for graphs that train alike: the same blocks and wires, subgraphs written out, and the same recipe."""
    document = flattened(document).document
    recipe = json.dumps(to_data(document)["recipe"], sort_keys=True, default=str)
    return hashlib.sha256((upstream_key(document, *document.nodes) + recipe).encode("utf-8", "replace")).hexdigest()


def _told(document: Document, key: str) -> list[Any]:
    node = document.nodes[key]
    knobs = sorted((name, repr(value)) for name, value in node.knobs.items())
    return [key, node.block, knobs, node.muted, node.bypassed, node.repeat, document.owner(key)]
