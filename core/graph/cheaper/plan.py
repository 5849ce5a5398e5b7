"""A cheaper plan: an edit of the drawing or its recipe that takes less memory or time, one file each.

Each says what it changes in what is learned: nothing (it is exact), or that it is another experiment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from core.catalog import Catalog
from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.vocabulary import BlockSpec, Vocabulary

MEMORY, TIME, BOTH = "memory", "time", "memory and time"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What a plan looks at: blocks of the drawing itself, not those inside subgraphs."""

    document: Document
    analysis: Analysis
    words: Vocabulary

    def spec(self, node: str) -> BlockSpec:
        """What a node is."""
        return self.words.spec(self.document.nodes[node].block)

    def blocks(self) -> list[str]:
        """The nodes that work on batches and are on."""
        return [
            key
            for key, node in self.document.nodes.items()
            if not node.muted and not node.bypassed and self.spec(key).role in ("block", "objective")
        ]

    def knob(self, node: str, name: str) -> object:
        """What a knob is set to; None where the block has none of this name."""
        knob = next((each for each in self.spec(node).knobs if each.name == name), None)
        return None if knob is None else self.document.nodes[node].knobs.get(name, knob.default)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A plan for this drawing: what would be drawn, and where."""

    key: str  # of the plan, and of the node where it is about one
    title: str
    saves: str  # memory, time, memory and time
    changes: str  # what is learned differently; empty: nothing
    document: Document
    node: str = ""


class Cheaper:
    """One plan."""

    key: ClassVar[str]
    title: ClassVar[str] = ""
    saves: ClassVar[str] = MEMORY
    changes: ClassVar[str] = ""  # empty: it is exact
    order: ClassVar[int] = 50

    def drawn(self, drawing: Drawing) -> Iterator[tuple[str, Document]]:
        """The node that each possibility is about (empty: the whole), and the document with it."""
        raise NotImplementedError


plans: Catalog[Cheaper] = Catalog("core.graph.cheaper", "cheaper plan")


def offers(document: Document, analysis: Analysis, words: Vocabulary) -> tuple[Offer, ...]:
    """Every plan that this drawing has room for, exact ones first."""
    drawing = Drawing(document=document, analysis=analysis, words=words)
    found = [
        Offer(
            key=f"{key}/{node}" if node else key, title=plan.title, saves=plan.saves, changes=plan.changes,
            document=changed, node=node,
        )
        for key, plan in sorted(plans.items(), key=lambda item: (bool(item[1].changes), item[1].order))
        for node, changed in plan().drawn(drawing)
    ]  # fmt: skip
    return tuple(found)
