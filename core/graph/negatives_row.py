"""The row of choices before an objective: found, lengthened, shortened and put in another order.

A row is a chain of blocks of the family ``negatives``, joined by their port of that name; the last one feeds the
objective. Every function gives the next document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.graph import edits
from core.graph.document import Document, End
from core.graph.judged import BLOCK, write_pairs
from core.graph.vocabulary import Vocabulary
from core.knobs import Value
from core.problems import refuse

FAMILY, PORT = "negatives.", "negatives"
WIDTH, HEIGHT = 262.0, 190.0  # room of one node, scene units


class Row(NamedTuple):
    """An objective and the choices before it, the first one first."""

    objective: str
    nodes: tuple[str, ...]


def is_choice(document: Document, node: str) -> bool:
    """Whether a node chooses negatives."""
    return node in document.nodes and document.nodes[node].block.startswith(FAMILY)


def row_before(document: Document, objective: str) -> Row:
    """The choices before an objective."""
    found: list[str] = []
    wire = document.wire_at(End(node=objective, port=PORT))
    while wire is not None and is_choice(document, wire.source.node) and wire.source.node not in found:
        found.append(wire.source.node)
        wire = document.wire_at(End(node=wire.source.node, port=PORT))
    return Row(objective, tuple(reversed(found)))


def row_of(document: Document, node: str) -> Row:
    """The row a choice stands in; one that feeds nothing yet is a row of its own, without an objective."""
    here, seen = node, {node}
    while True:
        after = [
            w.target.node for w in document.wires_from(here) if w.target.port == PORT and w.target.node not in seen
        ]
        if not after:
            break
        here = after[0]
        seen.add(here)
        if not is_choice(document, here):
            return row_before(document, here)
    alone = row_before(document, here)
    return Row("", (*alone.nodes, here))


def takers(document: Document, vocabulary: Vocabulary) -> list[str]:
    """Objectives that can be told what to contrast with."""
    return [
        key
        for key, node in document.nodes.items()
        if not node.muted and (spec := vocabulary.spec(node.block)).role == "objective" and spec.input(PORT) is not None
    ]


def insert(
    document: Document, *, objective: str, block: str, vocabulary: Vocabulary, place: int = -1,
    knobs: Mapping[str, Value] | None = None,
) -> Document:  # fmt: skip
    """A choice at a place of the row before an objective (-1: the last). Raises Refused where it cannot stand there."""
    spec = vocabulary.spec(document.nodes[objective].block)
    if spec.input(PORT) is None:
        raise refuse(f"{spec.title} contrasts with the whole batch only.", node=objective, hint="InfoNCE takes others.")
    row = row_before(document, objective).nodes
    place = len(row) if place < 0 else min(place, len(row))
    document, fresh = edits.add_node(document, block, *_free_spot(document, objective), knobs)
    for port in vocabulary.spec(block).takes:
        source = _end_for(document, objective, port.name, port.kind, vocabulary)
        if source is not None:
            document = edits.connect(document, source, End(node=fresh, port=port.name))
        elif not port.optional:
            raise refuse(
                f"{vocabulary.spec(block).title} needs {port.help or port.name}, which no source here gives.",
                node=objective, port=port.name,
            )  # fmt: skip
    return _joined(document, objective, (*row[:place], fresh, *row[place:]), row)


def remove(document: Document, *, node: str, vocabulary: Vocabulary) -> Document:
    """Take a choice out; its neighbours are joined."""
    return edits.remove_nodes(document, [node], vocabulary)


def move(document: Document, *, node: str, by: int, vocabulary: Vocabulary) -> Document:
    """Put a choice so many places later (or earlier) in its row."""
    objective, row = row_of(document, node)
    place = min(max(row.index(node) + by, 0), len(row) - 1)
    rest = [other for other in row if other != node]
    return _joined(document, objective, (*rest[:place], node, *rest[place:]), row)


def use_judged(
    document: Document, pairs: Sequence[tuple[int, int, str]], judged_in: str, vocabulary: Vocabulary
) -> Document:
    """Annotated pairs before every objective that takes negatives: the next run carries this very list.

    They stand first, so that what comes later mines among the rest. Raises Refused where no objective takes them.
    """
    objectives = takers(document, vocabulary)
    if not objectives:
        raise refuse("No objective of this graph takes chosen negatives.", hint="InfoNCE does.")
    knobs: dict[str, Value] = {"pairs": write_pairs(pairs), "judged_in": judged_in}
    for objective in objectives:
        known = [node for node in row_before(document, objective).nodes if document.nodes[node].block == BLOCK]
        for node in known:
            document = edits.change_node(document, node, knobs={**document.nodes[node].knobs, **knobs}, muted=False)
        if not known:
            document = insert(
                document, objective=objective, block=BLOCK, vocabulary=vocabulary, place=0, knobs=knobs
            )  # fmt: skip
    return document


def _joined(document: Document, objective: str, order: Sequence[str], before: Sequence[str]) -> Document:
    """The row's own wires drawn again in another order; what else hangs on it stays."""
    links = {(a, b) for a, b in zip(before, [*before[1:], objective])}
    gone = [w.key for w in document.wires if w.target.port == PORT and (w.source.node, w.target.node) in links]
    first = document.wire_at(End(node=before[0], port=PORT)) if before else None
    document = edits.disconnect(document, [*gone, *([first.key] if first else [])])
    if first is not None:
        document = edits.connect(document, first.source, End(node=order[0], port=PORT))
    for giver, taker in zip(order, [*order[1:], objective]):
        if taker:
            document = edits.connect(document, End(node=giver, port=PORT), End(node=taker, port=PORT))
    return document


def _end_for(document: Document, objective: str, port: str, kind: str, vocabulary: Vocabulary) -> End | None:
    """Where a choice's port takes its values from: the objective's sides, or a source that knows it."""
    if port == PORT:
        return None
    wire = document.wire_at(End(node=objective, port=port))
    if wire is not None:
        return wire.source
    behind = document.ancestors({objective})
    for key in behind:
        spec = vocabulary.spec(document.nodes[key].block)
        given = spec.output(port) if spec.role == "source" else None
        if given is not None and given.kind == kind:
            return End(node=key, port=port)
    return None


def _free_spot(document: Document, objective: str) -> tuple[float, float]:
    """Above the objective, the first place where no node stands."""
    here = document.nodes[objective]
    for up in range(1, 40):
        for left in (0.0, 0.5, 1.0):
            x, y = here.x - left * WIDTH, here.y - up * HEIGHT
            if not any(abs(n.x - x) < WIDTH * 0.9 and abs(n.y - y) < HEIGHT * 0.8 for n in document.nodes.values()):
                return x, y
    return here.x, here.y - 40 * HEIGHT
