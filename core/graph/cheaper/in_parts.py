"""The gradient of a batch made in parts, whichever way is exact for the objectives that are drawn."""

from __future__ import annotations

from collections.abc import Iterator

from core.graph.cheaper.plan import Cheaper, Drawing, plans
from core.graph.document import Document
from core.graph.edits import switch

PARTS, SMALLEST = 4, 16  # parts of a batch; the smallest batch that is worth it


@plans.register("in_parts")
class InParts(Cheaper):
    """Gradient caching where samples of a batch are compared, else plain accumulation: either is the batch's own gradient."""

    title = "A quarter of the batch at a time"
    order = 10

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """Once, unless the gradient is made in parts already."""
        recipe = drawing.document.recipe
        if {"gradient_cache", "accumulation"} & set(recipe.callbacks) or recipe.batch_size < SMALLEST:
            return
        compares = any(drawing.spec(key).mixes for key in drawing.blocks())
        if compares:
            knobs = {"chunk": -(-recipe.batch_size // PARTS)}
            yield "", switch(drawing.document, "callbacks", "gradient_cache", True, knobs)
        else:
            yield "", switch(drawing.document, "callbacks", "accumulation", True, {"chunks": PARTS})
