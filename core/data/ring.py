"""A ring buffer between one producer that cannot wait and one consumer that may be slow: bounded, and it tells what was lost.

Either the producer drops: what is oldest makes room, and is counted. Or it is held back: it is told that there is no room, and may wait
for it. Times are handed in, so whoever tests it needs no clock.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What went through so far."""

    put: int
    taken: int
    dropped: int
    held_back: int  # times the producer was told to wait
    waiting: int  # in the ring now
    most: int  # that ever waited

    def __post_init__(self) -> None:
        if self.put != self.taken + self.dropped + self.waiting:
            raise ValueError(
                f"{self.put} were put, and {self.taken} + {self.dropped} + {self.waiting} are accounted for"
            )


class Ring(Generic[T]):
    """Items with the time at which each arrived, oldest first; for one thread that puts and one that takes."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a ring buffer holds at least one item, not {capacity}")
        self.capacity = capacity
        self._items: deque[tuple[float, T]] = deque()
        self._changed = threading.Condition()
        self._put = self._taken = self._dropped = self._held_back = self._most = 0
        self._closed = False

    def push(self, item: T, at: float) -> None:
        """Put it, whatever that costs: where there is no room the oldest is dropped."""
        with self._changed:
            if len(self._items) == self.capacity:
                self._items.popleft()
                self._dropped += 1
            self._add(item, at)

    def offer(self, item: T, at: float) -> bool:
        """Put it where there is room; False: there is none, and nothing was put."""
        with self._changed:
            if len(self._items) == self.capacity:
                self._held_back += 1
                return False
            self._add(item, at)
            return True

    def _add(self, item: T, at: float) -> None:
        if self._closed:
            raise ValueError("nothing can be put into a ring buffer that is closed")
        self._items.append((at, item))
        self._put += 1
        self._most = max(self._most, len(self._items))
        self._changed.notify_all()

    def take_all(self) -> list[tuple[float, T]]:
        """Everything that waits, oldest first, with when it arrived."""
        with self._changed:
            found = list(self._items)
            self._items.clear()
            self._taken += len(found)
            self._changed.notify_all()
            return found

    def wait_for_item(self, seconds: float | None = None) -> bool:
        """Until something waits; False where the ring was closed, or the seconds have passed, and nothing does."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed, seconds)
            return bool(self._items)

    def wait_for_room(self, seconds: float | None = None) -> bool:
        """Until there is room; False where the ring was closed, or the seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self.capacity or self._closed, seconds)
            return len(self._items) < self.capacity and not self._closed

    def close(self) -> None:
        """Nothing more comes; whoever waits goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        with self._changed:
            return self._closed

    def flow(self) -> Flow:
        """What went through so far."""
        with self._changed:
            return Flow(
                put=self._put, taken=self._taken, dropped=self._dropped, held_back=self._held_back, waiting=len(self._items),
                most=self._most,
            )  # fmt: skip
