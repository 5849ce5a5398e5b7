"""The one registry: a folder is walked, nothing is listed by hand, and a miss names the near names.

A module that lies in the folder is found; the class in it registers itself::

    blocks = Catalog("core.blocks", "block")

    @blocks.register("connectors.projection")
    class Projection(Block): ...
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from core.problems import Problem, Refused

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Catalog(Generic[T]):
    """Everything of one kind, by key; a key is ``folder.file`` below the package."""

    def __init__(self, package: str, noun: str) -> None:
        self.package = package
        self.noun = noun
        self._entries: dict[str, type[T]] = {}
        self._walked = False
        self._lock = threading.RLock()

    def register(self, key: str) -> Callable[[C], C]:
        """Class decorator: puts the class under ``key`` and writes ``cls.key``."""

        def put(cls: C) -> C:
            if key in self._entries and self._entries[key].__qualname__ != cls.__qualname__:
                raise ValueError(f"two {self.noun}s are called {key!r}: {self._entries[key]} and {cls}")
            self._entries[key] = cls
            cls.key = key  # type: ignore[attr-defined]
            return cls

        return put

    def walk(self) -> None:
        """Import every module below the package, once."""
        with self._lock:
            if self._walked:
                return
            root = importlib.import_module(self.package)
            for module in pkgutil.walk_packages(root.__path__, prefix=f"{self.package}."):
                importlib.import_module(module.name)
            self._walked = True

    def __getitem__(self, key: str) -> type[T]:
        """The class under ``key``. Raises Refused naming near keys."""
        self.walk()
        if key in self._entries:
            return self._entries[key]
        raise Refused(self.missing(key))

    def missing(self, key: str) -> Problem:
        """The sentence for a key that is not here."""
        near = difflib.get_close_matches(key, self._entries, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(sorted(self._entries))}."
        return Problem(what=f"There is no {self.noun} called {key!r}.", hint=hint)

    def __contains__(self, key: object) -> bool:
        self.walk()
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        self.walk()
        return iter(sorted(self._entries))

    def items(self) -> list[tuple[str, type[T]]]:
        """Every key with its class, sorted by key."""
        return [(key, self._entries[key]) for key in self]
