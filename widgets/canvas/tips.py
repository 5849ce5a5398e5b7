"""What hovering says: a node's problems and costs, a wire's shapes, a port's meaning."""

from __future__ import annotations

import html

from PySide6.QtCore import QPointF

from core.graph.document import Wire
from core.graph.ports import Port
from widgets.canvas.surface import Surface
from widgets.look import quantities
from widgets.look.language import in_a_row, said, tr


def tip_at(canvas: Surface, at: QPointF) -> str:
    """The tooltip for a place, as rich text with everything untrusted escaped; empty where there is nothing."""
    found = canvas.port_near(at, 11.0)
    if found:
        return port_tip(canvas, *found)
    if name := canvas.board.node_at(at):
        return node_tip(canvas, name)
    if key := canvas.board.wire_at(at, 7.0 / canvas.scale_now):
        return wire_tip(canvas, canvas.board.wires[key].wire)
    frame = canvas.board.frame_at(at, 0.0)[0]
    if frame and canvas.document.frames[frame].is_note:
        return _rich(tr("Sticky note"), canvas.document.frames[frame].title.splitlines())
    return ""


def node_tip(canvas: Surface, name: str) -> str:
    """A node: its problems first, then what it is and costs."""
    item = canvas.board.nodes[name]
    lines = []
    for problem in canvas.board.analysis.problems:
        if problem.node == name:
            lines.append(in_a_row(said(problem.what), said(problem.hint)))
    lines.append(tr(item.spec.summary))
    if shared := canvas.sharing_words(name):
        lines.append(shared)
    if item.pauses_at:
        lines.append(tr("Pauses when: {conditions}", conditions=item.pauses_at))
    if item.told:
        lines.append(tr("One step: gradient norm ∇, and update by weights Δ: {told}", told=item.told))
    facts = item.facts
    if facts.parameters:
        trained = quantities.count(facts.trained_parameters)
        lines.append(
            tr("{all} parameters, {trained} of them trained", all=quantities.count(facts.parameters), trained=trained)
        )
    elif facts.shared_parameters:
        lines.append(tr("{n} shared parameters", n=quantities.count(facts.shared_parameters)))
    if facts.flops:
        lines.append(tr("{flops} per example, forward", flops=quantities.flops(facts.flops)))
    if facts.activation_mebibytes:
        lines.append(tr("{size} kept for the backward pass", size=quantities.mebibytes(facts.activation_mebibytes)))
    return _rich(item.node.title or tr(item.spec.title), lines)


def wire_tip(canvas: Surface, wire: Wire) -> str:
    """A wire: what flows, how much of it, and whether anything is learned through it."""
    giver = canvas.board.nodes[wire.source.node]
    heading = f"{giver.node.title or tr(giver.spec.title)} · {tr(wire.source.port, 'port')}"
    facts = canvas.board.wires[wire.key].facts
    if facts is None:
        return _rich(heading, [tr("Shapes are known once everything before it is connected.")])
    about = [tr(facts.modality) if facts.modality else "", facts.dtype]
    lines = [f"{facts.symbolic}  =  {facts.concrete}", " · ".join(filter(None, about))]
    if facts.tokens:
        lines.append(tr("{n} tokens per example", n=f"{facts.tokens:,}"))
    if facts.mebibytes:
        lines.append(tr("{size} for one batch", size=quantities.mebibytes(facts.mebibytes)))
    lines.append(tr("A gradient flows here.") if facts.trained else tr("No gradient flows here."))
    return _rich(heading, lines)


def port_tip(canvas: Surface, end: object, outgoing: bool) -> str:
    """A port: its kind, its axes and what it is for."""
    item = canvas.board.nodes[end.node]
    spot = item.shape_now.spot(end.port, outgoing)
    if spot is None:
        return ""
    port: Port = spot.port
    lines = [f"{tr(port.kind, 'kind')} {port.axes}".strip()]
    if port.help:
        lines.append(tr(port.help))
    if not outgoing:
        lines.append(tr("May stay open.") if port.optional else tr("Must be connected."))
    if outgoing and (facts := item.facts.outputs.get(port.name)):
        lines.append(facts.concrete)
    return _rich(tr(port.name, "port"), lines)


def _rich(heading: str, lines: list[str]) -> str:
    body = "<br>".join(html.escape(line) for line in lines if line)
    return f"<div style='max-width: 340px'><b>{html.escape(heading)}</b><br>{body}</div>"
