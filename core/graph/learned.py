"""What a person wires after what, counted: of the blocks that fit, those that they mostly take come first.

Counts are by kinds of blocks and ports, never by names or values of a document. They fade, so that what was done lately counts more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from core.graph.document import Definition, Document

FADES, LEAST = 0.8, 0.05  # what is left of a count after a session; below, it is forgotten
MOST_PAIRS, MOST_AT_ONCE = 2000, 4  # kept; wires of one edit: more are a paste, or a version that was restored
VERSION = 1


class Learned:
    """Counts of pairs ``block.port>block.port``."""

    def __init__(self, counts: Mapping[str, float] | None = None) -> None:
        self.counts = dict(counts or {})

    def saw(self, before: Document, after: Document) -> bool:
        """Learn from the wires that an edit drew; whether there were any."""
        fresh = list(_new_pairs(before, after))
        if not 0 < len(fresh) <= MOST_AT_ONCE:
            return False
        for pair in fresh:
            self.counts[pair] = self.counts.get(pair, 0.0) + 1.0
        if len(self.counts) > MOST_PAIRS:
            kept = sorted(self.counts, key=lambda pair: -self.counts[pair])[:MOST_PAIRS]
            self.counts = {pair: self.counts[pair] for pair in kept}
        return True

    def beside(self, block: str, port: str, outgoing: bool) -> dict[str, float]:
        """How often each block was wired to a port of a block: behind it (``outgoing``) or before."""
        found: dict[str, float] = {}
        for pair, count in self.counts.items():
            giver, _, taker = pair.partition(">")
            own, other = (giver, taker) if outgoing else (taker, giver)
            if own == f"{block}.{port}":
                key = other.rpartition(".")[0]
                found[key] = found.get(key, 0.0) + count
        return found

    def faded(self) -> Learned:
        """As it is at the start of the next session."""
        return Learned({pair: count * FADES for pair, count in self.counts.items() if count * FADES >= LEAST})

    def to_data(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"version": VERSION, "wires": {pair: round(count, 4) for pair, count in sorted(self.counts.items())}}

    @classmethod
    def from_data(cls, data: Any) -> Learned:
        """The inverse; what is no count is passed over."""
        wires = data.get("wires", {}) if isinstance(data, dict) else {}
        if not isinstance(wires, dict):
            return cls()
        good = {
            pair: float(count)
            for pair, count in wires.items()
            if isinstance(count, int | float) and not isinstance(count, bool) and math.isfinite(count) and count > 0
            and pair.count(">") == 1
        }  # fmt: skip
        return cls(dict(sorted(good.items(), key=lambda item: -item[1])[:MOST_PAIRS]))


def _new_pairs(before: Document, after: Document) -> Iterator[str]:
    """Wires that are new, of the document and of its subgraphs, by the kinds of their ends; of known blocks only."""
    drawn: list[tuple[Document | Definition | None, Document | Definition]] = [(before, after)]
    drawn += [(before.definitions.get(key), inside) for key, inside in after.definitions.items()]
    for old, new in drawn:
        if old is not None and old.wires is new.wires:
            continue
        known = {wire.key for wire in old.wires} if old is not None else set()
        for wire in new.wires:
            giver, taker = new.nodes.get(wire.source.node), new.nodes.get(wire.target.node)
            if wire.key in known or giver is None or taker is None:
                continue
            if not any(end.block.startswith(("subgraphs.", "border.")) for end in (giver, taker)):
                yield f"{giver.block}.{wire.source.port}>{taker.block}.{wire.target.port}"
