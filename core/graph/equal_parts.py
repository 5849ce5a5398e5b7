"""Which parts of two drawings do the same to the same: those whose weights one may begin with where the other ended.

Equal is a block behind which, and in which, all is equal, up to the data: what a block has learned says something about what it was
fed, not about what follows it. Weights that are in several places are equal where all of these places are. Nothing is where the two
were trained in another way.
"""

from __future__ import annotations

from dataclasses import replace

from core.graph.document import Document
from core.graph.upstream import upstream_key


def equal_parts(before: Document, now: Document) -> frozenset[str]:
    """The nodes that are equal, of two flat documents (:func:`core.graph.subgraphs.flat.flat_document`)."""
    if not trained_alike(before, now):
        return frozenset()
    known = before.nodes.keys() & now.nodes.keys()
    same = {key for key in known if upstream_key(before, key) == upstream_key(now, key)}
    split = {now.owner(key) for key in now.nodes if key not in same}
    return frozenset(key for key in same if now.owner(key) not in split)


def trained_alike(before: Document, now: Document) -> bool:
    """Whether two recipes differ in nothing but how long they are."""
    return replace(before.recipe, steps=now.recipe.steps) == now.recipe
