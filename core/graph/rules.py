"""What may be joined to what, and what would fit: asked by gestures before they edit, and by the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.graph.document import Document, End, Wire
from core.graph.ports import Port, mismatch
from core.graph.vocabulary import BlockSpec, Vocabulary


def refusal(document: Document, source: End, target: End, vocabulary: Vocabulary) -> str:
    """Why a wire cannot be drawn, as a sentence; empty where it can."""
    if source.node not in document.nodes or target.node not in document.nodes:
        return "One end of the wire is not on the canvas."
    if source.node == target.node:
        return "A block cannot feed itself."
    giver = vocabulary.spec(document.nodes[source.node].block)
    taker = vocabulary.spec(document.nodes[target.node].block)
    out, into = giver.output(source.port), taker.input(target.port)
    if out is None or into is None:
        spec, name = (giver, source.port) if out is None else (taker, target.port)
        return f"{spec.title} has no port called {name}."
    if reason := mismatch(out, into) or order_refusal(giver, taker, source.port, target.port):
        return reason
    if source.node in reachable(document, target.node):
        return f"{giver.title} already depends on {taker.title}: the wire would close a circle."
    return ""


def order_refusal(giver: BlockSpec, taker: BlockSpec, out: str = "", into: str = "") -> str:
    """Why one cannot feed the other, for what runs a sample at a time comes before what runs on batches; empty where it can.

    ``out`` and ``into``: the ports, which of a subgraph may lie on either side of batching.
    """
    if taker.is_per_sample(into) and not giver.is_per_sample(out):
        return f"{taker.title} works on single samples before batching; {giver.title} works on batches after it."
    return ""


def fitting_ends(document: Document, loose: End, outgoing: bool, vocabulary: Vocabulary) -> set[End]:
    """Every port that a wire from ``loose`` may end at: the same answers as :func:`refusal`, all at once.

    ``outgoing`` says whether ``loose`` gives (the wire's source) or takes.
    """
    here = vocabulary.spec(document.nodes[loose.node].block)
    port = here.output(loose.port) if outgoing else here.input(loose.port)
    if port is None:
        return set()
    circle = reachable(document, loose.node, backward=outgoing)
    found = set()
    for node in document.nodes.values():
        there = vocabulary.spec(node.block)
        if node.id in circle:
            continue
        for other in there.takes if outgoing else there.gives:
            out, into = (port, other) if outgoing else (other, port)
            late = order_refusal(*((here, there) if outgoing else (there, here)), out.name, into.name)
            if not late and not mismatch(out, into):
                found.add(End(node=node.id, port=other.name))
    return found


def reachable(document: Document, start: str, backward: bool = False) -> set[str]:
    """The node and everything that hangs on it along the wires; ``backward``: everything that it hangs on."""
    found, open_ends = {start}, [start]
    following: dict[str, list[str]] = {}
    for wire in document.wires:
        first, then = (wire.target.node, wire.source.node) if backward else (wire.source.node, wire.target.node)
        following.setdefault(first, []).append(then)
    while open_ends:
        for node in following.get(open_ends.pop(), ()):
            if node not in found:
                found.add(node)
                open_ends.append(node)
    return found


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A block that fits a loose wire, and the port it would use."""

    spec: BlockSpec
    port: str
    score: float


LEARNED = 6.0  # the most that a person's own way weighs: more than anything else here


def proposals(
    vocabulary: Vocabulary,
    loose: Port,
    outgoing: bool,
    counts: Mapping[str, int] | None = None,
    learned: Mapping[str, float] | None = None,
) -> list[Proposal]:
    """Blocks that can take (``outgoing``) or give what ``loose`` is, best first.

    ``counts`` says how often each block is used; it moves equals. ``learned``: how often this person took it here.
    """
    found = []
    for spec in vocabulary.values():
        for port in spec.takes if outgoing else spec.gives:
            pair = (loose, port) if outgoing else (port, loose)
            if mismatch(*pair):
                continue
            same = loose.modality == port.modality != "any"
            score = (
                2.0 * same
                + 1.0 * (not port.optional)
                + 0.5 * (port.modality == "any")
                + 0.1 * (counts or {}).get(spec.key, 0)
                + LEARNED * (often := (learned or {}).get(spec.key, 0.0)) / (often + 2.0)
                - 2.0
                * (len([p for p in spec.takes if not p.optional]) - 1 if outgoing else 0)  # what else it would need
            )
            found.append(Proposal(spec=spec, port=port.name, score=score))
            break
    return sorted(found, key=lambda p: (-p.score, p.spec.family, p.spec.title))


def ports_of(document: Document, node: str, vocabulary: Vocabulary) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Incoming and outgoing ports of a node; for an unknown block, the ports its wires name."""
    spec = vocabulary.spec(document.nodes[node].block)
    if spec.known:
        return spec.takes, spec.gives
    takes = sorted({w.target.port for w in document.wires_into(node)})
    gives = sorted({w.source.port for w in document.wires_from(node)})
    kinds = {name: _kind_at(document, node, name, vocabulary) for name in (*takes, *gives)}
    return (
        tuple(Port(name=name, kind=kinds[name], axes="") for name in takes),
        tuple(Port(name=name, kind=kinds[name], axes="") for name in gives),
    )


def _kind_at(document: Document, node: str, port: str, vocabulary: Vocabulary) -> str:
    here = End(node=node, port=port)
    for wire in document.wires:
        other = _other_end(wire, here, document, vocabulary)
        if other is not None:
            return other.kind
    return "tokens"


def _other_end(wire: Wire, here: End, document: Document, vocabulary: Vocabulary) -> Port | None:
    if wire.target == here and wire.source.node in document.nodes:
        return vocabulary.spec(document.nodes[wire.source.node].block).output(wire.source.port)
    if wire.source == here and wire.target.node in document.nodes:
        return vocabulary.spec(document.nodes[wire.target.node].block).input(wire.target.port)
    return None
