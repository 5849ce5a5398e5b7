"""What stays as it begins and begins at random: a pretrained network that is frozen and was given no weights."""

from __future__ import annotations

from collections.abc import Collection

from core.blocks.catalog import blocks
from core.compiler.resolve import Resolved
from core.graph.document import Document
from core.knobs import configure
from core.problems import Fix, Problem, Refused


def untrained_problems(document: Document, resolved: Resolved, weighted: Collection[str]) -> list[Problem]:
    """A warning for each, told once for weights in several places. ``weighted``: the nodes that have parameters.

    Frozen in the first stage is enough: what learns on it begins on what says nothing.
    """
    found = []
    for key in resolved.order:
        node = document.nodes[key]
        if key not in weighted or node.block not in blocks or document.owner(key) != key:
            continue
        kind = blocks[node.block]
        try:
            config = configure(kind.Config, node.knobs, key)
        except Refused:
            continue  # told already
        hint, itself = kind.untrained(config), kind.freezes_itself(config)
        if hint and (itself or document.rule(key, 0).frozen):
            fix = Fix(text="Train this block", edit="set_rule", arguments={"node": key, "frozen": False})
            found.append(
                Problem(
                    what=f"{kind.title} is frozen without pretrained weights: it stays as random as it begins.",
                    hint=hint, node=key, severity="warning", fix=None if itself else fix,
                )
            )  # fmt: skip
    return found
