"""Rate and length of the clips on every wire, from the source on, and what in a drawing contradicts them."""

from __future__ import annotations

from dataclasses import replace

from core.compiler.build import build_source, build_transform
from core.compiler.resolve import Resolved
from core.data.base import Source, Transform
from core.data.sounds import Heard
from core.graph.document import Document, End
from core.problems import Problem, Refused


def sound_problems(document: Document, resolved: Resolved) -> list[Problem]:
    """Contradictions between neighbouring blocks, with the block and a fix; wrong settings have been told already."""
    wires: dict[End, Heard] = {}
    problems: list[Problem] = []
    for key in resolved.order:
        role = resolved.specs[key].role
        if not resolved.specs[key].known or role not in ("source", "transform"):
            continue
        try:
            part: Source | Transform = (
                build_source(document, key, resolved.inputs[key])
                if role == "source"
                else build_transform(document.nodes[key])
            )
        except Refused:
            continue
        incoming = {name: wires[end] for name, end in resolved.inputs[key].items() if end in wires}
        given, found = part.hears(incoming)
        wires |= {End(node=key, port=name): replace(heard, node=heard.node or key) for name, heard in given.items()}
        problems += [_placed(problem, key) for problem in found]
    return problems


def _placed(problem: Problem, node: str) -> Problem:
    fix = problem.fix
    if fix is not None and "node" not in fix.arguments:
        fix = replace(fix, arguments={"node": node, **fix.arguments})
    return replace(problem, node=node, fix=fix)
