"""Old document against new, by identity: what the canvas has to touch, and nothing else.

Documents are frozen and share what did not change, so ``is`` settles nearly everything; equality settles the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from core.graph.document import Document, Wire

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Change:
    """Keys of one kind of thing: gone, new, or there in both but different."""

    gone: tuple[str, ...]
    new: tuple[str, ...]
    other: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new or self.other)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What changed from one document to the next."""

    nodes: Change
    wires: Change
    frames: Change


def difference(old: Document, new: Document) -> Difference:
    """What the canvas must add, remove and update."""
    return Difference(
        nodes=change(old.nodes, new.nodes),
        wires=change(_by_key(old), _by_key(new)) if old.wires is not new.wires else _SAME,
        frames=change(old.frames, new.frames),
    )


def change(old: Mapping[str, T], new: Mapping[str, T]) -> Change:
    """Compare two mappings."""
    if old is new:
        return _SAME
    missing = object()
    gone = tuple(key for key in old if key not in new)
    fresh, other = [], []
    for key, value in new.items():
        before = old.get(key, missing)
        if before is missing:
            fresh.append(key)
        elif before is not value and before != value:
            other.append(key)
    return Change(gone=gone, new=tuple(fresh), other=tuple(other))


def _by_key(document: Document) -> dict[str, Wire]:
    return {wire.key: wire for wire in document.wires}


_SAME = Change(gone=(), new=(), other=())
