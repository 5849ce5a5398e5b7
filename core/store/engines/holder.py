"""What holds the rows of a store: a SQLite file or a PostgreSQL database. Everything in which the two differ is asked of this.

Rows, queries, the recorder, the reader and the library are the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Table

from core.problems import Problem, Refused


class Holder(Protocol):
    """One file, or one database of a server."""

    name: str  # what sentences call it
    place: str  # where it is, for a person; never with a password
    url: str  # by which another process of this machine opens it; never with a password
    environment: Mapping[str, str]  # what that process needs beside it
    files: Path  # the folder of what is too large for rows: checkpoints, logs, what waits
    warnings: tuple[Problem, ...]
    only_read: Problem | None  # why nothing is written
    newer: bool  # written by a newer studio: only read

    def write(self, *, alone: bool) -> AbstractContextManager[Connection]:
        """A transaction that writes. ``alone``: nobody else looks and writes until it ends."""

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that reads and sees one moment."""

    def sentence(self, error: Exception) -> Refused:
        """What went wrong with it, for a person."""

    def insert(self, table: Table) -> Any:
        """An insert that knows ``on_conflict_do_update`` in the engine's own words."""

    def spool_file(self, run_id: int, attempt: int) -> Path:
        """Where what a run says waits on this machine's disk while the rows cannot be written."""

    def fold(self) -> None:
        """Tidy up after a write, where there is something to tidy."""

    def make_durable(self) -> None:
        """From now on a commit survives a power cut."""

    def flush_to_disk(self) -> None:
        """What was committed survives a power cut from now on."""

    def check(self) -> list[str]:
        """What is damaged, in the engine's words; empty where all is well."""

    def backup(self, path: Path) -> Path:
        """A copy of everything. Raises Refused where that is not the studio's to make."""

    def close(self) -> None:
        """Let go of every connection."""
