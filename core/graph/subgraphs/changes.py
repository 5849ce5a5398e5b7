"""What an edit of a definition takes from its copies, and what the document is after it.

Wires at a port that is gone go with it; a value that a copy set and nothing shows any more stays with the copy and is told as a
Problem, until a person drops it or shows such a setting again. What went is a value, so that it can be said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.graph.document import Definition, Document, Wire
from core.graph.ports import Port
from core.graph.subgraphs.definitions import ENTRY, EXIT, block_of, border, copies, drawings, title_of, with_drawing
from core.knobs import Value


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What the copies of one definition lost by an edit of it."""

    title: str  # of the subgraph
    copies: int
    ports: tuple[str, ...] = ()  # that went
    wires: int = 0  # outside, that went with them
    values: tuple[tuple[str, str, Value], ...] = ()  # copy, setting, what it is set to and is not held any more


def settled(document: Document, definition: str) -> Document:
    """The document after an edit of a definition: nothing leads to ports that are gone, or shows settings of blocks that are."""
    here = document.definitions[definition]
    here = replace(
        here, wires=_at_ports(here), knobs=tuple(shown for shown in here.knobs if shown.node in here.nodes),
    )  # fmt: skip
    document = replace(document, definitions={**document.definitions, definition: here})
    takes, gives = {port.name for port in here.takes}, {port.name for port in here.gives}
    block = block_of(definition)
    for place, nodes, wires in list(drawings(document)):
        own = {key for key, node in nodes.items() if node.block == block}
        kept = tuple(
            wire
            for wire in wires
            if not (wire.target.node in own and wire.target.port not in takes)
            and not (wire.source.node in own and wire.source.port not in gives)
        )
        if len(kept) < len(wires):
            document = with_drawing(document, place, nodes, kept)
    return document


def _at_ports(definition: Definition) -> tuple[Wire, ...]:
    """The wires of an inside whose ends at the border are there."""
    entry, leave = (border(definition.nodes, block) for block in (ENTRY, EXIT))
    takes, gives = {port.name for port in definition.takes}, {port.name for port in definition.gives}
    return tuple(
        wire
        for wire in definition.wires
        if not (wire.source.node == entry and wire.source.port not in takes)
        and not (wire.target.node == leave and wire.target.port not in gives)
    )


def losses(before: Document, after: Document) -> list[Loss]:
    """What copies lost between two documents by edits of their definitions; empty where nothing went."""
    found = []
    for key, now in after.definitions.items():
        was = before.definitions.get(key)
        if was is None or was is now or was == now:
            continue
        loss = _loss(before, after, was, now)
        if loss.ports or loss.wires or loss.values:
            found.append(loss)
    return found


def _loss(before: Document, after: Document, was: Definition, now: Definition) -> Loss:
    gone = _names(was.takes) - _names(now.takes), _names(was.gives) - _names(now.gives)
    unheld = {shown.name for shown in was.knobs} - {shown.name for shown in now.knobs}
    of_copies = copies(after, now.id)
    drawn = {place: nodes for place, nodes, _ in drawings(after)}
    values = [
        (drawn[place][key].title or key, name, value)
        for place, key in of_copies
        for name, value in drawn[place][key].knobs.items()
        if name in unheld
    ]
    wires = sum(_hangs_on(wire, place, set(of_copies), gone) for place, _, some in drawings(before) for wire in some)
    ports = tuple(port.name for port in (*was.takes, *was.gives) if port.name in gone[0] | gone[1])
    return Loss(title=title_of(now), copies=len(of_copies), ports=ports, wires=wires, values=tuple(values))


def _names(ports: Iterable[Port]) -> set[str]:
    return {port.name for port in ports}


def _hangs_on(wire: Wire, place: str, still: set[tuple[str, str]], gone: tuple[set[str], set[str]]) -> bool:
    """Whether a wire led to a port that went, at a copy that is there still."""
    taken = (place, wire.target.node) in still and wire.target.port in gone[0]
    return taken or ((place, wire.source.node) in still and wire.source.port in gone[1])
