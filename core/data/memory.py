"""What was decoded or computed once, kept by a key until a limit of bytes is reached; what is beyond it is made anew each time."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_all: weakref.WeakSet[Memory[Any]] = weakref.WeakSet()


def held_by_memories() -> int:
    """Bytes that all of them in this process keep now."""
    return sum(memory.held for memory in list(_all))


class Memory(Generic[T]):
    """A cache that stops growing at a number of bytes; safe for threads, and left behind when sent to a worker process."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: dict[Hashable, T] = {}
        self._room = self._most = most_bytes
        _all.add(self)

    @property
    def held(self) -> int:
        """Bytes that are kept."""
        return self._most - self._room

    def find(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The value of a key; ``make`` is called where it is not known yet, ``size`` says how many bytes it has."""
        kept = self._kept.get(key)
        if kept is None:
            kept = make()
            if (needed := size(kept)) <= self._room:
                self._kept[key] = kept
                self._room -= needed
        return kept

    def __getstate__(self) -> dict[str, Any]:
        return {"most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Memory.__init__(self, state["most"])
