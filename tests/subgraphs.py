"""Small documents with subgraphs for tests, made by the edits that a person's hands make."""

from __future__ import annotations

from typing import Any

from core.compiler.describe import vocabulary
from core.graph import edits
from core.graph.document import Document, End
from core.graph.subgraphs import borders
from core.graph.subgraphs.grouping import group
from core.graph.subgraphs.levels import level, with_level
from tests.documents import Drawing

WORDS = vocabulary()


def one_tower(*, steps: int = 3, dropout: float = 0.1, **recipe: Any) -> Document:
    """An augmented picture through a tower, against the same picture through nothing but another tower: still without subgraphs."""
    draw = Drawing("one tower")
    draw.add("sources.emoji", image_size=16, second_artist="none")
    draw.add("transforms.augment", flip=0.5)
    draw.add("transforms.augment", flip=0.5)
    draw.add("encoders.vit", patch_size=4, width=24, depth=1, heads=2, dropout=dropout)
    draw.add("connectors.pool", how="mean")
    draw.add("connectors.mlp_projection", width=16, hidden=32)
    draw.add("objectives.nt_xent")
    for source, target in (
        ("emoji.image", "augment.image"), ("emoji.image", "augment_2.image"), ("augment.image", "vit.image"), ("vit.tokens", "pool.tokens"),
        ("pool.embedding", "mlp_projection.embedding"), ("mlp_projection.embedding", "nt_xent.left"),
    ):  # fmt: skip
        draw.wire(source, target)
    recipe = {"callbacks": {}, "diagnostics": {}, "threads": 1, **recipe}
    return edits.set_recipe(draw.document, steps=steps, batch_size=8, **recipe)


def two_copies(**options: Any) -> Document:
    """One definition in two places, *tower* and *tower_2*; the second sets the width that its subgraph shows."""
    document, copy = group(one_tower(**options), ["vit", "pool", "mlp_projection"], WORDS, "Tower")
    document = borders.show_knob(document, "tower", "vit", "width")
    document, other = edits.add_node(document, "subgraphs.tower", 400.0, 300.0, {"width": 32})
    document = edits.connect(document, End(node="augment_2", port="image"), End(node=other, port="image"))
    assert (copy, other) == ("tower", "tower_2")
    return edits.connect(document, End(node=other, port="embedding"), End(node="nt_xent", port="right"))


def three_deep(**options: Any) -> Document:
    """As :func:`two_copies`, with the tower's inside two levels deeper: tower / body / core / vit, the width shown through all."""
    document = two_copies(**options)
    inner, _ = group(level(document, ("tower",)), ["vit", "pool"], WORDS, "Body")
    document = with_level(document, ("tower",), inner)
    innermost, _ = group(level(document, ("tower", "body")), ["vit"], WORDS, "Core")
    return with_level(document, ("tower", "body"), innermost)
