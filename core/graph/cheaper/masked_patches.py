"""Half of an image's patches left out in training (FLIP, arXiv:2212.00794)."""

from __future__ import annotations

from collections.abc import Iterator

from core.graph.cheaper.plan import BOTH, Cheaper, Drawing, plans
from core.graph.document import Document
from core.graph.edits import set_knob

SHARE = 0.5


@plans.register("masked_patches")
class MaskedPatches(Cheaper):
    """A tower that sees half of the patches in training, and all of them when it is evaluated."""

    title = "Leave out half of the patches in training"
    saves = BOTH
    changes = (
        "Another experiment: each step sees half of every image; the score usually falls a little for the same steps."
    )
    order = 30

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """Every tower that can and sees more than half."""
        for key in drawing.blocks():
            share = drawing.knob(key, "patch_dropout")
            if isinstance(share, int | float) and share < SHARE:
                yield key, set_knob(drawing.document, key, "patch_dropout", SHARE)
