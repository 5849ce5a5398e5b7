"""The border of a definition: its ports and the settings it shows come, go, change their name and their order, under every copy.

Every function takes the whole document and gives the next; copies, the sweep and whatever shows a setting further follow a new name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from core.graph.document import Definition, Document, End, Node, Promoted, Wire
from core.graph.ports import Port
from core.graph.rules import ports_of
from core.graph.subgraphs.changes import settled
from core.graph.subgraphs.definitions import ENTRY, EXIT, TOP, block_of, border, drawing, drawings, with_drawing
from core.graph.subgraphs.grouping import unique, with_paths
from core.graph.subgraphs.specs import bare_port, words_of
from core.graph.vocabulary import Vocabulary
from core.problems import refuse

T = TypeVar("T", Port, Promoted)
LONGEST_NAME: Final = 64
TAKEN: Final = frozenset({"repeat", "kind"})  # what every block's path can end in


def _changed(document: Document, definition: str, **fields: object) -> Document:
    made = replace(document.definitions[definition], **fields)  # type: ignore[arg-type]
    return replace(document, definitions={**document.definitions, definition: made})


def _usable(name: str, taken: Sequence[str]) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or set(name) & set("./~=>") or name in TAKEN:
        raise refuse(
            f"{name[:80]!r} cannot be a name here.", hint='Use up to 64 letters, without ".", "/", "~", "=" and ">".'
        )
    if name in taken:
        raise refuse(f"There is a {name!r} already.", hint="Choose another name.")
    return name


# Settings


def show_knob(document: Document, definition: str, node: str, knob: str) -> Document:
    """Let every copy turn a setting of a block inside. One that is shown already stays as it is."""
    here = document.definitions[definition]
    if any((each.node, each.knob) == (node, knob) for each in here.knobs):
        return document
    name = unique(knob if knob not in TAKEN else f"{node}_{knob}", [each.name for each in here.knobs])
    return _changed(document, definition, knobs=(*here.knobs, Promoted(name=name, node=node, knob=knob)))


def hide_knob(document: Document, definition: str, name: str) -> Document:
    """Show a setting no more. Copies that set it keep what they set, and are told."""
    here = document.definitions[definition]
    return _changed(document, definition, knobs=tuple(each for each in here.knobs if each.name != name))


def rename_knob(document: Document, definition: str, name: str, fresh: str) -> Document:
    """Show a setting under another name; every copy's value goes along. Raises Refused for a name that cannot be."""
    here = document.definitions[definition]
    if fresh.strip() == name:
        return document
    fresh = _usable(fresh, [each.name for each in here.knobs])
    knobs = tuple(replace(each, name=fresh) if each.name == name else each for each in here.knobs)
    document, block = _changed(document, definition, knobs=knobs), block_of(definition)
    for place, nodes, wires in list(drawings(document)):
        own = {key for key, node in nodes.items() if node.block == block}
        if own:
            document = with_drawing(
                document, place, {k: _turned(n, name, fresh) if k in own else n for k, n in nodes.items()}, wires
            )
        if place != TOP and own:
            holder = document.definitions[place]
            shown = [replace(e, knob=fresh) if e.node in own and e.knob == name else e for e in holder.knobs]
            document = _changed(document, place, knobs=tuple(shown))
    return _sweeping(
        document, {f"{key}.{name}": f"{key}.{fresh}" for key, node in document.nodes.items() if node.block == block}
    )


def _turned(node: Node, name: str, fresh: str) -> Node:
    return replace(node, knobs={fresh if key == name else key: value for key, value in node.knobs.items()})


def _sweeping(document: Document, names: Mapping[str, str]) -> Document:
    return document if document.sweep is None else replace(document, sweep=with_paths(document.sweep, names))


def move_knob(document: Document, definition: str, name: str, by: int) -> Document:
    """Show a setting earlier or later."""
    return _changed(document, definition, knobs=_moved(document.definitions[definition].knobs, name, by))


def _moved(some: tuple[T, ...], name: str, by: int) -> tuple[T, ...]:
    at = next((number for number, each in enumerate(some) if each.name == name), -1)
    if at < 0:
        return some
    rest = [each for each in some if each.name != name]
    rest.insert(min(max(at + by, 0), len(rest)), some[at])
    return tuple(rest)


# Ports


def add_port(document: Document, definition: str, end: End, words: Vocabulary, *, outgoing: bool) -> Document:
    """Lead a port of a block inside out of the subgraph; one that is led out already stays as it is. Raises Refused where another wire is there."""
    here = document.definitions[definition]
    inside = drawing(here, document.definitions)
    side = ports_of(inside, end.node, words_of(inside, words))[int(outgoing)]
    port = next((each for each in side if each.name == end.port), None)
    if port is None:
        raise refuse(f"There is no port called {end.port!r}.", node=end.node)
    if not outgoing and inside.wire_at(end) is not None:
        raise refuse("A wire leads to that port already.", node=end.node, port=end.port, hint="Remove it first.")
    names = [each.name for each in (here.gives if outgoing else here.takes)]
    fresh = unique(end.port, names)
    if outgoing:
        wire = Wire(source=end, target=End(node=border(here.nodes, EXIT), port=fresh))
        return _changed(document, definition, gives=(*here.gives, bare_port(fresh, port)), wires=(*here.wires, wire))
    wire = Wire(source=End(node=border(here.nodes, ENTRY), port=fresh), target=end)
    return _changed(document, definition, takes=(*here.takes, bare_port(fresh, port)), wires=(*here.wires, wire))


def remove_port(document: Document, definition: str, name: str, *, outgoing: bool) -> Document:
    """Take a port away, with the wires at it in every drawing."""
    here = document.definitions[definition]
    side = "gives" if outgoing else "takes"
    left = tuple(port for port in getattr(here, side) if port.name != name)
    return settled(_changed(document, definition, **{side: left}), definition)


def rename_port(document: Document, definition: str, name: str, fresh: str, *, outgoing: bool) -> Document:
    """Give a port another name; wires go along, inside and at every copy. Raises Refused for a name that cannot be."""
    here = document.definitions[definition]
    side = "gives" if outgoing else "takes"
    ports: tuple[Port, ...] = getattr(here, side)
    if fresh.strip() == name:
        return document
    fresh = _usable(fresh, [port.name for port in ports])
    at = End(node=border(here.nodes, EXIT if outgoing else ENTRY), port=name)
    wires = _renamed(here, at, fresh)
    named = tuple(replace(port, name=fresh) if port.name == name else port for port in ports)
    document = _changed(document, definition, **{side: named}, wires=wires)
    for place, nodes, some in list(drawings(document)):
        own = {key for key, node in nodes.items() if node.block == block_of(definition)}
        if own:
            document = with_drawing(
                document, place, nodes, [_at_copy(wire, own, name, fresh, outgoing) for wire in some]
            )
    return document


def _renamed(here: Definition, at: End, fresh: str) -> tuple[Wire, ...]:
    new = replace(at, port=fresh)
    return tuple(
        replace(w, source=new if w.source == at else w.source, target=new if w.target == at else w.target)
        for w in here.wires
    )


def _at_copy(wire: Wire, own: set[str], name: str, fresh: str, outgoing: bool) -> Wire:
    if outgoing and wire.source.node in own and wire.source.port == name:
        return replace(wire, source=replace(wire.source, port=fresh))
    if not outgoing and wire.target.node in own and wire.target.port == name:
        return replace(wire, target=replace(wire.target, port=fresh))
    return wire


def move_port(document: Document, definition: str, name: str, by: int, *, outgoing: bool) -> Document:
    """Draw a port further up or down."""
    here = document.definitions[definition]
    side = "gives" if outgoing else "takes"
    return _changed(document, definition, **{side: _moved(getattr(here, side), name, by)})


# The subgraph itself


def rename_subgraph(document: Document, definition: str, title: str) -> Document:
    """Call a subgraph otherwise, wherever it stands under its own name."""
    return _changed(document, definition, title=title.strip()[:200])


def remove_subgraph(document: Document, definition: str) -> Document:
    """Forget a definition that has no copy. Raises Refused where it has one."""
    block = block_of(definition)
    used = sum(node.block == block for _, nodes, _ in drawings(document) for node in nodes.values())
    if used:
        raise refuse(f"Its copies in the document: {used}.", hint="Delete its copies first.")
    return replace(document, definitions={key: each for key, each in document.definitions.items() if key != definition})
