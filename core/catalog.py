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
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from core.problems import Problem, Refused

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Catalog(Generic[T]):
    """Everything of one kind, by key; a key is ``folder.file`` below the package."""

    _all: ClassVar[weakref.WeakSet[Catalog[Any]]] = weakref.WeakSet()

    def __init__(self, package: str, noun: str, base: type = object) -> None:
        self.package = package
        self.noun = noun
        self.base = base  # what every entry is derived from
        self._entries: dict[str, type[T]] = {}
        self._walked = False
        self._lock = threading.RLock()
        Catalog._all.add(self)

    def register(self, key: str) -> Callable[[C], C]:
        """Class decorator: puts the class under ``key`` and writes ``cls.key``."""

        def put(cls: C) -> C:
            known = self._entries.get(key)
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"two {self.noun}s are called {key!r}: {known.__name__} and {cls.__name__}")
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

    # What a person's own files add, and take away again

    @classmethod
    def every(cls) -> list[Catalog[Any]]:
        """All catalogues of this process."""
        return list(cls._all)

    def known(self) -> Mapping[str, type[T]]:
        """What has been registered so far; nothing is walked for it."""
        return dict(self._entries)

    def drop(self, modules: str) -> None:
        """Forget what modules whose names begin so have registered."""
        for key, cls in self.known().items():
            if cls.__module__.startswith(modules):
                del self._entries[key]

    def state(self) -> Mapping[str, type[T]]:
        """What :meth:`restore` goes back to."""
        return self.known()

    def restore(self, state: Mapping[str, type[T]], modules: str) -> None:
        """Forget what such modules have registered since; what others did meanwhile stays."""
        for key, cls in self.known().items():
            if cls.__module__.startswith(modules) and state.get(key) is not cls:
                del self._entries[key]
