"""An encoder that does not learn: nothing of it is kept for the way back, and it has no moments."""

from __future__ import annotations

from collections.abc import Iterator

from core.graph.cheaper.plan import BOTH, Cheaper, Drawing, plans
from core.graph.document import Document
from core.graph.edits import set_rule


@plans.register("frozen_tower")
class FrozenTower(Cheaper):
    """For the encoder that keeps most for the backward pass."""

    title = "Freeze the encoder"
    saves = BOTH
    changes = "Another experiment: the encoder stays as it begins, which makes sense for pretrained weights."
    order = 60

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """The one that learns and keeps most, where another block is left to learn."""
        facts = drawing.analysis.nodes
        learning = [key for key in drawing.blocks() if key in facts and facts[key].trained_parameters]
        towers = [key for key in learning if drawing.document.nodes[key].block.startswith("encoders.")]
        if towers and len(learning) > 1 and not drawing.document.recipe.stages:
            most = max(towers, key=lambda key: facts[key].activation_mebibytes)
            yield most, set_rule(drawing.document, most, frozen=True)
