"""What a port is, in words: for screen readers, the outline and whoever chooses it by keyboard."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from core.graph import rules
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.ports import Port
from core.graph.vocabulary import Vocabulary
from widgets.look.language import tr
from widgets.look.titles import titles_of

PortAt = tuple[End, bool]  # a port, and whether it gives


def ports_at(document: Document, node: str, vocabulary: Vocabulary) -> list[PortAt]:
    """Every port of a node: what it takes, then what it gives."""
    takes, gives = rules.ports_of(document, node, vocabulary)
    return [(End(node=node, port=port.name), False) for port in takes] + [(End(node=node, port=port.name), True) for port in gives]  # fmt: skip


def port_in_words(document: Document, at: PortAt, vocabulary: Vocabulary, analysis: Analysis | None) -> str:
    """Side, name, what flows with its shape, and where it is wired to: "Output tokens, image tokens, B×65×192, wired to Pooling"."""
    end, gives = at
    port = _port(document, at, vocabulary)
    side = tr("Output {name}", name=tr(end.port, "port")) if gives else tr("Input {name}", name=tr(end.port, "port"))
    parts = [side, *_flow(document, at, port, analysis), _wired(document, at, port)]
    return listed(part for part in parts if part)


def listed(parts: Iterable[str]) -> str:
    """One behind the other, as a language does it."""
    return reduce(lambda first, rest: tr("{first}, {rest}", first=first, rest=rest), parts)


def _port(document: Document, at: PortAt, vocabulary: Vocabulary) -> Port | None:
    takes, gives = rules.ports_of(document, at[0].node, vocabulary)
    return next((port for port in (gives if at[1] else takes) if port.name == at[0].port), None)


def _flow(document: Document, at: PortAt, port: Port | None, analysis: Analysis | None) -> list[str]:
    """Modality with kind, and the shape where it is known."""
    end, gives = at
    source = end if gives else next((wire.source for wire in document.wires if wire.target == end), None)
    facts = analysis.nodes.get(source.node) if analysis is not None and source is not None else None
    given = facts.outputs.get(source.port) if facts is not None and source is not None else None
    kind = tr(port.kind) if port is not None else ""
    modality = (given.modality if given is not None else "") or (port.modality if port is not None else "")
    if modality and modality not in ("any", "loss") and port is not None and modality != port.kind:
        kind = tr("{modality} {kind}", modality=tr(modality), kind=kind)
    shape = given.concrete or given.symbolic if given is not None else port.axes if port is not None else ""
    return [kind, "×".join(shape.split())]


def _wired(document: Document, at: PortAt, port: Port | None) -> str:
    end, gives = at
    titles = titles_of(document)
    others = (
        [wire.target for wire in document.wires if wire.source == end] if gives
        else [wire.source for wire in document.wires if wire.target == end]
    )  # fmt: skip
    if others:
        names = [tr("{block} {port}", block=titles[other.node], port=tr(other.port, "port")) for other in others]
        return tr("wired to {names}", names=listed(names))
    if not gives and port is not None and not port.optional:
        return tr("not connected, needed")
    return tr("not connected")
