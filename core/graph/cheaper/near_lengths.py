"""Samples of near lengths in one batch, so that little is padded."""

from __future__ import annotations

from collections.abc import Iterator

from core.graph.cheaper.plan import BOTH, Cheaper, Drawing, plans
from core.graph.document import Document
from core.graph.edits import set_recipe
from core.graph.recipe import Choice


@plans.register("near_lengths")
class NearLengths(Cheaper):
    """Bucketed batches, where there are sentences or images of several sizes."""

    title = "Batches of near lengths"
    saves = BOTH
    changes = "Another experiment: the same samples, but other ones meet in a batch, which contrastive losses notice."
    order = 50

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """Where batches are taken as they come and something has a length."""
        document = drawing.document
        blocks = {node.block for node in document.nodes.values() if not node.muted}
        if document.recipe.batching.key == "fixed" and any(
            "tokenizer" in block or "native" in block for block in blocks
        ):
            yield "", set_recipe(document, batching=Choice(key="bucketed"))
