"""Half as many tokens out of a connector that gives a number of its own."""

from __future__ import annotations

from collections.abc import Iterator

from core.graph.cheaper.plan import BOTH, Cheaper, Drawing, plans
from core.graph.document import Document
from core.graph.edits import set_knob

FEWEST = 4


@plans.register("fewer_latents")
class FewerLatents(Cheaper):
    """What reads the tokens has less to attend to."""

    title = "Half as many tokens out of the connector"
    saves = BOTH
    changes = "Another experiment: what comes after the connector reads a coarser summary."
    order = 40

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """Every connector whose number of tokens can be halved."""
        for key in drawing.blocks():
            count = drawing.knob(key, "count")
            if (
                drawing.document.nodes[key].block.startswith("connectors.")
                and isinstance(count, int)
                and count >= 2 * FEWEST
            ):
                yield key, set_knob(drawing.document, key, "count", count // 2)
