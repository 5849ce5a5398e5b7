"""The store of a window and what is read from it, opened when the first of them is asked for: behind the window's first picture.

What is imported here brings SQLAlchemy, a third of what a start reads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from core.problems import Problem

if TYPE_CHECKING:
    from core.store.database import Store
    from core.store.library import Library
    from core.store.shelf import Shelf
    from core.store.sweeps import Sweeps


class KeptRuns:
    """One store, however often it is asked for."""

    def __init__(self, store: Store | Callable[[], Store]) -> None:
        """``store``, or what opens it."""
        self._opens = store if callable(store) else lambda: store

    @cached_property
    def store(self) -> Store:
        """Raises Refused where it cannot be opened."""
        return self._opens()

    @cached_property
    def library(self) -> Library:
        """Its runs."""
        from core.store.library import Library

        return Library(self.store)

    @cached_property
    def shelf(self) -> Shelf:
        """Its runs as they are listed, read again where something changed."""
        from core.store.shelf import Shelf

        return Shelf(self.store)

    @cached_property
    def sweeps(self) -> Sweeps:
        """Its sweeps."""
        from core.store.sweeps import Sweeps

        return Sweeps(self.store)

    @property
    def is_open(self) -> bool:
        """Whether anybody has asked for it."""
        return "store" in vars(self)

    @property
    def only_read(self) -> Problem | None:
        """Why nothing can be written into it; None where it can, or where it is not open yet."""
        return self.store.only_read if self.is_open else None

    def close(self) -> None:
        """Where it was opened."""
        if self.is_open:
            self.store.close()


def trains_the_same(one: str, other: str) -> bool:
    """Whether two documents differ in how they are drawn only."""
    from core.store.resuming import trains_the_same

    return trains_the_same(one, other)
