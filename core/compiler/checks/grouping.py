"""Whether a recipe's way of batching fits the drawing: known before the run, from the wires alone."""

from __future__ import annotations

from core.compiler.resolve import Resolved
from core.data.extents import MEASURED, ONE_SIZE, ONE_SIZE_HINT
from core.data.order import batchings
from core.graph.document import Document
from core.graph.recipe import Recipe
from core.knobs import knobs_of, problems_with
from core.problems import Fix, Problem

PLAIN = Fix(text="Use fixed batches", edit="set_recipe", arguments={"batching": Recipe().batching})


def grouping_problems(document: Document, resolved: Resolved) -> list[Problem]:
    """A way that is not here, a setting out of its range, or samples that all have one size."""
    choice = document.recipe.batching
    if choice.key not in batchings:
        return [batchings.missing(choice.key)]
    cls = batchings[choice.key]
    found = list(problems_with(knobs_of(cls.Config), choice.knobs, "recipe"))
    if cls.measures and resolved.order and not _differ(resolved):
        found.append(
            Problem(
                what=ONE_SIZE, hint=ONE_SIZE_HINT, fix=PLAIN,
            )
        )  # fmt: skip
    return found


def _differ(resolved: Resolved) -> bool:
    """Whether a batch carries pictures of their own sizes, or sentences, to a block."""
    for key in resolved.order:
        if resolved.specs[key].role in ("source", "transform"):
            continue
        for end in resolved.inputs[key].values():
            port = resolved.specs[end.node].output(end.port)
            if port is not None and port.kind in MEASURED and resolved.specs[end.node].role in ("source", "transform"):
                return True
    return False
