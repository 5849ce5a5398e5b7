"""Whether a store's file is whole, and whether it may be written; how one is read that may not.

SQLite opens many a damaged file without a word and goes wrong in the middle, so its own check is asked at every open.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine

from core.problems import Problem
from core.store import migrate
from core.store.engines.sqlite_connections import reading_engine

WHOLE_CHECK_BYTES = 32 << 20  # beyond this only pages are checked, not whether indexes agree with their tables
LONGEST_SECONDS = 1.0  # a check is given up after this: opening must not take long
STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine


def connect(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A plain read-only connection. ``immutable`` leaves the log and its index alone."""
    address = f"file:{quote(str(path))}?mode=ro" + ("&immutable=1" if immutable else "")
    return sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)


def damage(path: Path, *, immutable: bool = False, seconds: float = LONGEST_SECONDS) -> str:
    """The first thing that SQLite's own check finds; empty where the file is whole, or too large to tell in time."""
    check = "integrity_check(1)" if path.stat().st_size <= WHOLE_CHECK_BYTES else "quick_check(1)"
    connection = connect(path, immutable=immutable)
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
    try:
        found = str(connection.execute(f"PRAGMA {check}").fetchone()[0])
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if "interrupted" in str(error) or "locked" in str(error):
            return ""
        found = str(error)
    finally:
        connection.close()
    lines = found.splitlines() or [""]
    return "" if found == "ok" else lines[-1]


def damaged(path: Path, found: str) -> Problem:
    """What a person is told about it."""
    return Problem(
        what=f"{path.name} is damaged ({found}), so it is only read.",
        hint=f"python -m studio repair {path} makes a new store of what can be read; or open a backup.",
        severity="warning",
    )  # fmt: skip


def may_write(path: Path) -> bool:
    """Whether the file, or a new one in its folder, can be written: SQLite also needs files beside it."""
    return os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.W_OK))


def not_writable(path: Path) -> Problem:
    """What a person is told about it."""
    hint = "Change the rights, or copy the store to another place."
    if os.access(path, os.W_OK):
        return Problem(what=f"{path.name} is only read: its folder may not be written.", hint=hint, severity="warning")
    return Problem(what=f"{path.name} is only read: the file may not be written.", hint=hint, severity="warning")


class Readable:
    """A file that may not be written: read where it lies, or a copy where SQLite would have to write to read it."""

    def __init__(self, path: Path, version: int) -> None:
        self.path, self._folder = path, ""
        log = path.with_name(path.name + "-wal")
        pending = log.exists() and log.stat().st_size > 0
        self.immutable = not pending
        if pending or _version(path) < version:
            self._folder = tempfile.mkdtemp(prefix="crossmodal-store-")
            try:
                self._take_copy(path, log if pending else None, version)
            except BaseException:
                self.close()
                raise

    def _take_copy(self, path: Path, log: Path | None, version: int) -> None:
        self.path, self.immutable = Path(self._folder) / path.name, False
        shutil.copyfile(path, self.path)
        if log is not None:
            shutil.copyfile(log, self.path.with_name(log.name))
        known = _version(self.path, immutable=False)
        if 0 < known < version:
            migrate.upgrade(self.path, known)

    def engine(self) -> Engine:
        """Connections that read it."""
        return reading_engine(self.path, immutable=self.immutable)

    def close(self) -> None:
        """Remove the copy."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _version(path: Path, *, immutable: bool = True) -> int:
    connection = connect(path, immutable=immutable)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()
