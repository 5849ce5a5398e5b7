"""Where a document's subgraphs are: the copies of a definition, what holds what, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from core.graph.document import Definition, Document, End, Node, Wire
from core.problems import Problem

PREFIX: Final = "subgraphs."
ENTRY, EXIT = "border.entry", "border.exit"
MOST_LEVELS: Final = 32  # insides within insides
MOST_FLAT: Final = 5_000  # nodes of a document with every subgraph written out
TOP: Final = ""  # the drawing itself, where insides are named by their definitions


def block_of(definition: str) -> str:
    """The block of a copy."""
    return PREFIX + definition


def is_copy(node: Node) -> bool:
    """Whether a node stands for a subgraph, known or not."""
    return node.block.startswith(PREFIX)


def is_border(node: Node) -> bool:
    """Whether a node stands for the border of the inside it lies in."""
    return node.block in (ENTRY, EXIT)


def definition_of(definitions: Mapping[str, Definition], node: Node) -> Definition | None:
    """What a node is a copy of; None where it is none, or the document lacks it."""
    return definitions.get(node.block.removeprefix(PREFIX)) if is_copy(node) else None


def border(nodes: Mapping[str, Node], block: str) -> str:
    """The node of an inside that stands for one side of its border; empty where it has none."""
    return next((key for key, node in nodes.items() if node.block == block), "")


def drawing(definition: Definition, definitions: Mapping[str, Definition] | None = None) -> Document:
    """The inside of a definition as a document without a recipe of its own."""
    return Document(
        id=definition.id, name=title_of(definition), note=definition.note, nodes=definition.nodes, wires=definition.wires,
        frames=definition.frames, definitions=definitions or {}, inside=definition.id,
    )  # fmt: skip


def title_of(definition: Definition) -> str:
    """What a subgraph is called."""
    return definition.title or definition.id.replace("_", " ")


def drawings(document: Document) -> Iterator[tuple[str, Mapping[str, Node], tuple[Wire, ...]]]:
    """Every drawing of a document: where it is (:data:`TOP`, or a definition's id), its nodes and its wires."""
    yield TOP, document.nodes, document.wires
    for key, each in document.definitions.items():
        yield key, each.nodes, each.wires


def copies(document: Document, definition: str) -> list[tuple[str, str]]:
    """Every copy of a definition, as the drawing it lies in and its node."""
    block = block_of(definition)
    return [
        (place, key) for place, nodes, _ in drawings(document) for key, node in nodes.items() if node.block == block
    ]


def with_drawing(document: Document, place: str, nodes: Mapping[str, Node], wires: Iterable[Wire]) -> Document:
    """The document with other nodes and wires in one of its drawings."""
    if place == TOP:
        return replace(document, nodes=nodes, wires=tuple(wires))
    changed = replace(document.definitions[place], nodes=nodes, wires=tuple(wires))
    return replace(document, definitions={**document.definitions, place: changed})


def held(definition: Definition) -> set[str]:
    """The definitions that the inside of one has copies of, by id, whether they are there or not."""
    return {node.block.removeprefix(PREFIX) for node in definition.nodes.values() if is_copy(node)}


def in_order(definitions: Mapping[str, Definition]) -> list[str]:
    """Ids, each behind all that its inside holds; what holds itself is left out."""
    waiting = {key: {other for other in held(each) if other in definitions} for key, each in definitions.items()}
    holders: dict[str, list[str]] = {key: [] for key in definitions}
    for key, inner in waiting.items():
        for other in inner:
            holders[other].append(key)
    done = [key for key, inner in waiting.items() if not inner]
    for key in done:  # grows while it is walked
        for holder in holders[key]:
            waiting[holder].discard(key)
            if not waiting[holder]:
                done.append(holder)
    return done


def holders(definitions: Mapping[str, Definition], definition: str) -> set[str]:
    """A definition and all whose insides hold it, at any depth: none of them may lie inside it."""
    found, open_ends = {definition}, [definition]
    while open_ends:
        wanted = open_ends.pop()
        for key, each in definitions.items():
            if key not in found and wanted in held(each):
                found.add(key)
                open_ends.append(key)
    return found


def reached(definitions: Mapping[str, Definition], nodes: Iterable[Node]) -> dict[str, Definition]:
    """The definitions that some nodes need, at any depth, in the document's order."""
    open_ends = [node.block.removeprefix(PREFIX) for node in nodes if is_copy(node)]
    found: set[str] = set()
    while open_ends:
        key = open_ends.pop()
        if key in definitions and key not in found:
            found.add(key)
            open_ends += held(definitions[key])
    return {key: each for key, each in definitions.items() if key in found}


def faults(document: Document) -> list[Problem]:
    """Why a document cannot be written out: an inside that holds itself, too many levels, too many blocks. Mostly empty."""
    definitions = document.definitions
    order = in_order(definitions)
    if circle := [key for key in definitions if key not in order]:
        names = ", ".join(repr(title_of(definitions[key])) for key in circle[:3])
        return [Problem(what=f"A subgraph holds itself: {names}.", hint="Take its copy out of its own inside.")]
    depth: dict[str, int] = {}
    size: dict[str, int] = {}
    for key in order:
        inner = [node for node in definitions[key].nodes.values() if is_copy(node)]
        known = [(node, node.block.removeprefix(PREFIX)) for node in inner]
        depth[key] = 1 + max((depth[other] for _, other in known if other in depth), default=0)
        size[key] = _size(definitions[key].nodes.values(), size)
    if deep := next((key for key in order if depth[key] > MOST_LEVELS), ""):
        return [
            Problem(
                what=f"Subgraphs lie more than {MOST_LEVELS} deep in each other: {title_of(definitions[deep])!r} holds {depth[deep] - 1} levels.",
                hint="Unpack some of them.",
            )
        ]
    if (whole := _size(document.nodes.values(), size)) > MOST_FLAT:
        return [
            Problem(
                what=f"Written out, the subgraphs of this document are {whole:,} blocks; a document holds at most {MOST_FLAT:,}.",
                hint="Use fewer copies.",
            )
        ]
    return []


def _size(nodes: Iterable[Node], size: Mapping[str, int]) -> int:
    """Blocks that some nodes are, written out."""
    return sum(
        node.repeat * size[inner] if is_copy(node) and (inner := node.block.removeprefix(PREFIX)) in size else 1
        for node in nodes
    )


def wires_at(wires: Iterable[Wire], node: str, ports: Iterable[str], *, incoming: bool) -> list[Wire]:
    """Wires that lead to some ports of a node, or away from them."""
    ends = {End(node=node, port=port) for port in ports}
    return [wire for wire in wires if (wire.target if incoming else wire.source) in ends]
