"""Why a drawing has nothing to train, or less than was drawn: what is left out, because of which block, and what brings it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.compiler.resolve import Resolved
from core.graph.document import Document, End
from core.problems import Fix, Problem, Severity


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The block that nothing gets past, and the outgoing port at which it would be needed."""

    node: str
    port: str
    bypassed: bool  # has no way through to the port; otherwise it is disabled
    at: str  # the incoming port of the objective that stays empty


def absent_problems(document: Document, resolved: Resolved) -> list[Problem]:
    """Sources and objectives that were drawn and do not run, each with its reason; or that there are none at all."""
    found = _no_source(document, resolved)
    drawn = [key for key in document.nodes if resolved.specs[key].role == "objective"]
    trains = any(key in resolved.order for key in drawn)
    if not drawn:
        found.append(
            Problem(
                what="There is no objective, so nothing can be trained.",
                hint="Add one from Objectives, such as InfoNCE.",
            )
        )
    cut = [key for key in drawn if key in resolved.left_out and not _is_off(document, key)]
    if drawn and not trains and not cut:
        off = [key for key in drawn if _is_off(document, key)]
        found += [_switched_off(document, resolved, off)] if off else []
    for key in cut:
        found += [
            _because(document, resolved, key, cause, "warning" if trains else "error")
            for cause in causes(document, resolved, key)
        ]
    return found


def _no_source(document: Document, resolved: Resolved) -> list[Problem]:
    drawn = [key for key in document.nodes if resolved.specs[key].role == "source"]
    if any(key in resolved.order for key in drawn):
        return []
    if not drawn:
        return [Problem(what="There is no data source.", hint="Add one from Sources.")]
    name = named(document, resolved, drawn[0])
    return [
        Problem(
            what=f"There is no data: {name}, the data source, is disabled.", node=drawn[0],
            hint="Enable it, or add another source.", fix=_enable(name, drawn[:1]),
        )
    ]  # fmt: skip


def _switched_off(document: Document, resolved: Resolved, off: Sequence[str]) -> Problem:
    name = named(document, resolved, off[0])
    return Problem(
        what=f"Nothing can be trained: {name}, the objective, is disabled.", node=off[0],
        hint="Enable it, or add another objective.", fix=_enable(name, off[:1]),
    )  # fmt: skip


def _because(document: Document, resolved: Resolved, objective: str, cause: Cause, severity: Severity) -> Problem:
    """One objective and one block that keeps it from running."""
    goal, name = named(document, resolved, objective), named(document, resolved, cause.node)
    if cause.bypassed:
        fix = Fix(
            text=f"Enable {name}", edit="change_node", arguments={"node": cause.node, "bypassed": False, "muted": False}
        )
        return Problem(
            what=f"{goal} is left out: nothing reaches its input '{cause.at}', because {name} is bypassed and has no way through to '{cause.port}'.",
            hint=f"Enable {name}, or draw a wire past it.", fix=fix, node=objective, port=cause.at, severity=severity,
        )  # fmt: skip
    what = f"{goal} is left out: nothing reaches its input '{cause.at}', because {name} is disabled."
    if _passes(document, resolved, cause):
        fix = Fix(
            text=f"Bypass {name}", edit="change_node", arguments={"node": cause.node, "muted": False, "bypassed": True}
        )
        hint = f"Bypass {name}, so that its input goes on unchanged, or enable it."
        return Problem(what=what, hint=hint, fix=fix, node=objective, port=cause.at, severity=severity)
    hint = f"Enable {name}, or draw a wire past it."
    return Problem(
        what=what, hint=hint, fix=_enable(name, [cause.node]), node=objective, port=cause.at, severity=severity
    )


def causes(document: Document, resolved: Resolved, objective: str) -> list[Cause]:
    """Every disabled or bypassed block that an objective misses something from, each once."""
    found: dict[str, Cause] = {}
    for wire in document.wires_into(objective):
        for end, bypassed in _blocks(document, resolved, wire.source, set()):
            found.setdefault(end.node, Cause(node=end.node, port=end.port, bypassed=bypassed, at=wire.target.port))
    return list(found.values())


def _blocks(document: Document, resolved: Resolved, end: End, seen: set[End]) -> list[tuple[End, bool]]:
    """Where what should come out of ``end`` is stopped: the outgoing ends, and whether their block is bypassed."""
    node = document.nodes[end.node]
    if end in seen or end.node not in resolved.left_out:
        return []
    seen.add(end)
    if node.muted:
        return [(end, False)]
    spec = resolved.specs[end.node]
    taken = {port.name for port in spec.takes if not port.optional}
    if node.bypassed:
        taken = {into for into, out in spec.ways_through() if out == end.port}
        if not any(wire.target.port in taken for wire in document.wires_into(end.node)):
            return [(end, True)]
    return [
        found
        for wire in document.wires_into(end.node)
        if wire.target.port in taken
        for found in _blocks(document, resolved, wire.source, seen)
    ]


def _passes(document: Document, resolved: Resolved, cause: Cause) -> bool:
    """Whether bypassing the block would bring its port to life."""
    wired = {wire.target.port for wire in document.wires_into(cause.node)}
    ways = resolved.specs[cause.node].ways_through()
    return any(out == cause.port and into in wired for into, out in ways)


def _is_off(document: Document, key: str) -> bool:
    return document.nodes[key].muted or document.nodes[key].bypassed


def _enable(name: str, nodes: Sequence[str]) -> Fix:
    return Fix(
        text=f"Enable {name}", edit="change_nodes", arguments={"nodes": tuple(nodes), "muted": False, "bypassed": False}
    )


def named(document: Document, resolved: Resolved, key: str) -> str:
    """A block as it is called on the canvas."""
    return document.nodes[key].title or resolved.specs[key].title
