"""What every kind of record can do: say what of a folder is its own, and read one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from core.records.foreign import ForeignRun, Place

Tell = Callable[
    [int], None
]  # bytes that were read since the last call; raises Stopped where nobody wants them any more


class Stopped(Exception):
    """Whoever asked no longer wants the answer."""


class Reader:
    """One kind of record. Reads files only: nothing is run, unpickled or asked of a network."""

    key: ClassVar[str]
    title: ClassVar[str]  # as its makers write it
    by_file: ClassVar[bool] = False  # each file stands alone: one that is damaged does not hide the others

    by_place: ClassVar[bool] = False  # its records have no name of their own: their folder tells them apart

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """The runs that these files of a folder hold. Raises Refused where one of them cannot be looked into."""
        raise NotImplementedError

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """One run. Raises Refused where it cannot be read."""
        raise NotImplementedError
