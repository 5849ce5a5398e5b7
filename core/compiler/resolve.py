"""From a drawing to what would run: mute and bypass carried out, missing inputs and circles named.

Nothing here knows shapes; it only knows which node feeds which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.graph.bridging import Bridge, bridges
from core.graph.document import Document, End, Node
from core.graph.ports import mismatch
from core.graph.rules import fitting_ends, order_refusal, reachable
from core.graph.sharing import fault
from core.graph.subgraphs.definitions import PREFIX, is_copy
from core.graph.vocabulary import BlockSpec, Vocabulary
from core.knobs import problems_with
from core.own.loading import is_own, why_missing
from core.problems import Fix, Problem


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Nodes that run, sources first, and where each of their inputs comes from."""

    order: tuple[str, ...]
    inputs: Mapping[str, Mapping[str, End]]  # node -> incoming port -> outgoing end
    specs: Mapping[str, BlockSpec]
    problems: tuple[Problem, ...]
    unfit: frozenset[str]  # a wire is missing or wrong there: not to be built
    left_out: frozenset[str]  # muted, bypassed, or hanging on something muted


def resolve(document: Document, vocabulary: Vocabulary) -> Resolved:
    """Carry out mute and bypass and check every node's inputs."""
    specs = {key: vocabulary.spec(node.block) for key, node in document.nodes.items()}
    problems = [*_unknown(document, specs), *_circles(document), *_bad_knobs(document, specs), *_bad_sharing(document)]
    out: set[str] = {key for key, node in document.nodes.items() if node.muted}
    inputs: dict[str, dict[str, End]] = {}
    forwards: dict[End, End] = {}
    running: list[str] = []
    unfit: set[str] = set()
    for key in document.order():
        spec = specs[key]
        given, lost = _given(document, key, forwards, out)
        if key in out:
            continue
        if document.nodes[key].bypassed:
            out.add(key)
            for taken, gave in spec.ways_through(given):
                if taken in given:
                    forwards[End(node=key, port=gave)] = given[taken]
            continue
        if lost & {port.name for port in spec.takes if not port.optional}:
            out.add(key)  # hangs on something muted
            continue
        if spec.alternatives and lost and not given:
            out.add(key)  # every source it had a wire from is off
            continue
        wires = [*_missing(document, key, specs, given), *_wrong_kinds(document, key, given, specs, vocabulary)]
        problems += wires
        unfit.update({key} if wires else ())
        inputs[key] = given
        running.append(key)
    return Resolved(
        order=tuple(running), inputs=inputs, specs=specs, problems=tuple(problems), unfit=frozenset(unfit),
        left_out=frozenset(out),
    )  # fmt: skip


def _given(document: Document, key: str, forwards: Mapping[End, End], out: set[str]) -> tuple[dict[str, End], set[str]]:
    given, lost = {}, set()
    for wire in document.wires_into(key):
        source = forwards.get(wire.source, wire.source)
        if source.node in out:
            lost.add(wire.target.port)
        else:
            given[wire.target.port] = source
    return given, lost


def _unknown(document: Document, specs: Mapping[str, BlockSpec]) -> list[Problem]:
    lacking = [key for key, spec in specs.items() if not spec.known and not document.nodes[key].muted]
    return [
        _not_loaded(document, key) if is_own(document.nodes[key].block) else _lacking(document, key) for key in lacking
    ]


def _lacking(document: Document, key: str) -> Problem:
    return Problem(
        what=_absent(document.nodes[key]), node=key,
        hint="Its data is kept. Update the studio, replace the block, or disable it.",
        fix=Fix(text="Disable it", edit="change_node", arguments={"node": key, "muted": True}),
    )  # fmt: skip


def _not_loaded(document: Document, key: str) -> Problem:
    return Problem(
        what=f"{document.nodes[key].block!r} is somebody's own block and is not loaded here; its data is kept.", node=key,
        hint=why_missing(document.nodes[key].block),
        fix=Fix(text="Show own blocks", sheet="own_blocks"),
    )  # fmt: skip


def _absent(node: Node) -> str:
    if is_copy(node):
        return f"This document has no subgraph called {node.block.removeprefix(PREFIX)!r}."
    return f"This studio has no block called {node.block!r}."


def _circles(document: Document) -> list[Problem]:
    placed = set(document.order())
    return [
        Problem(what="This block is part of a circle of wires.", node=key, hint="Remove one of the wires.")
        for key in document.nodes
        if key not in placed
    ]


def _bad_knobs(document: Document, specs: Mapping[str, BlockSpec]) -> list[Problem]:
    found = []
    for key, node in document.nodes.items():
        if specs[key].known and not node.muted and document.owner(key) == key:  # shared settings are told once
            found += problems_with(specs[key].knobs, node.knobs, key)
    return found


def _bad_sharing(document: Document) -> list[Problem]:
    return [
        Problem(
            what=reason, node=key, hint="Give the block weights of its own.",
            fix=Fix(text="Own weights", edit="own_weights", arguments={"node": key}),
        )
        for key in document.nodes
        if (reason := fault(document.nodes, key))
    ]  # fmt: skip


def _missing(document: Document, key: str, specs: Mapping[str, BlockSpec], given: Mapping[str, End]) -> list[Problem]:
    spec = specs[key]
    return [
        Problem(
            what=f"{spec.title} needs something at '{port.name}' ({port.kind}).", node=key, port=port.name,
            hint="Draw a wire to it, or disable the block.", fix=_mending(document, specs, End(node=key, port=port.name)),
        )
        for port in spec.takes
        if not port.optional and port.name not in given
    ]  # fmt: skip


def _mending(document: Document, specs: Mapping[str, BlockSpec], empty: End) -> Fix | None:
    """A wire from the one loose end that fits, as after a cut; else to do without the block, where something is left to train."""
    used = {wire.source for wire in document.wires}
    fitting = fitting_ends(document, empty, False, Vocabulary(specs.values()))
    loose = [end for end in fitting if end not in used and not document.nodes[end.node].muted]
    if len(loose) == 1:
        name = document.nodes[loose[0].node].title or specs[loose[0].node].title
        return Fix(text=f"Connect it to {name}", edit="connect", arguments={"source": loose[0], "target": empty})
    behind = reachable(document, empty.node)
    if any(spec.role == "objective" and k not in behind and not document.nodes[k].muted for k, spec in specs.items()):
        return Fix(text="Disable it", edit="change_node", arguments={"node": empty.node, "muted": True})
    return None


def _wrong_kinds(
    document: Document, key: str, given: Mapping[str, End], specs: Mapping[str, BlockSpec], words: Vocabulary
) -> list[Problem]:
    found, spec = [], specs[key]
    for name, end in given.items():
        into, out = spec.input(name), specs[end.node].output(end.port)
        if not spec.known or not specs[end.node].known:
            continue
        if into is None or out is None:
            found.append(
                Problem(
                    what=f"A wire leads to the port {name!r}, which {spec.title} does not have.",
                    node=key,
                    port=name,
                    hint="Remove the wire.",
                )
            )
        elif reason := mismatch(out, into) or order_refusal(specs[end.node], spec):
            found.append(_refused(document, end, End(node=key, port=name), reason, words))
    return found


def _refused(document: Document, source: End, target: End, reason: str, words: Vocabulary) -> Problem:
    """A wire that cannot be: with what could stand between its ends, else without it."""
    wire = document.wire_at(target)
    drawn = wire is not None and wire.source == source  # what is bypassed between them would stay
    offered = bridges(document, source, target, words) if drawn else []
    if offered:
        return Problem(
            what=reason, node=target.node, port=target.port, hint="Put a block between them or remove the wire.",
            fix=_putting(source, target, offered[0]),
        )  # fmt: skip
    return Problem(
        what=reason, node=target.node, port=target.port,
        hint="No block makes the one from the other: remove the wire.",
        fix=Fix(text="Remove this wire", edit="disconnect", arguments={"wires": (wire.key,)}) if wire else None,
    )  # fmt: skip


def _putting(source: End, target: End, bridge: Bridge) -> Fix:
    given = {"source": source, "target": target, "blocks": bridge.blocks()}
    titles = [step.spec.title for step in bridge.steps]
    if len(titles) == 1:
        return Fix(text=f"Put {titles[0]} between", edit="put_between", arguments=given)
    if len(titles) == 2:
        return Fix(text=f"Put {titles[0]} and {titles[1]} between", edit="put_between", arguments=given)
    return Fix(text=f"Put {titles[0]}, {titles[1]} and {titles[-1]} between", edit="put_between", arguments=given)
