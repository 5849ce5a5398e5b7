"""A store in a SQLite file: checked and brought up to date when it is opened, locked while it is written.

A foreign or unreachable file is refused with a sentence. A file of a newer version, one that is damaged and one that
may not be written are only read, as far as that goes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite import insert

from core.problems import Problem, Refused, refuse
from core.store import filesystems, health, migrate
from core.store.engines.sqlite_connections import reading_engine, writing_engine
from core.store.faults import STORE_ERRORS, UNREADABLE, cause_of
from core.store.lock import Busy, FileLock
from core.store.schema import APPLICATION_ID, SCHEMA_VERSION
from core.texts import printable

LEAST_BYTES = 100  # of a database of SQLite: its header
WAL_BYTES = 4 << 20  # the log is folded into the file beyond this
_FOREIGN = (
    "SELECT CASE WHEN type = 'table' THEN 'virtual table' ELSE type END, name FROM sqlite_master "
    "WHERE type IN ('trigger', 'view') OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%') LIMIT 1"
)


class SqliteFile:
    """One file of runs."""

    environment: Mapping[str, str] = {}
    _copy: health.Readable | None = None  # what is read in place of a file that may not be written

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name, self.place, self.url, self.files = path.name, str(path), f"sqlite:///{path}", path.parent
        self.warnings: tuple[Problem, ...] = ()
        self.newer = False
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        wal = not filesystems.is_remote(path)
        if not wal:
            self.warnings = (filesystems.warning(path),)
        self.only_read = self._prepare() if health.may_write(path) else self._prepare_to_read()
        if self.only_read is not None:
            self.warnings = (*self.warnings, self.only_read)
        self._writer = writing_engine(path, wal=wal)
        self._reader = self._copy.engine() if self._copy else reading_engine(path)
        if not self.newer:
            self._want_tables()

    @contextmanager
    def write(self, *, alone: bool) -> Iterator[Connection]:
        """A transaction that writes: of a file there is never more than one, so every one is alone."""
        with self._lock, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads and sees one moment."""
        with self._reader.begin() as connection:
            yield connection

    def sentence(self, error: Exception) -> Refused:
        """What went wrong with the file, for a person."""
        return _sentence(self.path, error)

    def insert(self, table: Table) -> Any:
        """An insert in SQLite's words."""
        return insert(table)

    def spool_file(self, run_id: int, attempt: int) -> Path:
        """Beside the file: whoever takes the run up next, on whichever attempt, finds what waits."""
        return self.path.with_name(f"{self.path.name}.run{run_id}.spool")

    def fold(self) -> None:
        """Fold the write-ahead log into the file where it has grown; a busy reader only puts it off."""
        with suppress(*STORE_ERRORS):
            if self.path.with_name(self.path.name + "-wal").stat().st_size > WAL_BYTES:
                self.fold_log("PASSIVE")

    def make_durable(self) -> None:
        """From now on a commit survives a power cut, at the price of a disk flush each."""
        with _sentences(self.path):
            connection = self._writer.raw_connection()
            try:
                connection.cursor().execute("PRAGMA synchronous=FULL").close()
            finally:
                connection.close()

    def flush_to_disk(self) -> None:
        """What was committed survives a power cut from now on. Raises Refused."""
        log = self.path.with_name(self.path.name + "-wal")
        with _sentences(self.path), (log if log.exists() else self.path).open("rb") as file:
            os.fsync(file.fileno())

    def check(self) -> list[str]:
        """What SQLite's integrity check finds."""
        with _sentences(self.path), self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if list(rows) == ["ok"] else [str(row) for row in rows]

    def backup(self, path: Path) -> Path:
        """Copy the whole store, also while it is written. Raises Refused."""
        with _sentences(self.path):
            return migrate.copy(self.path, path)

    def close(self) -> None:
        """Fold the log and let go of the file."""
        self._reader.dispose()
        if self._copy is not None:
            self._copy.close()
        if self.only_read is None:
            with suppress(*STORE_ERRORS):
                self.fold_log("TRUNCATE", "PRAGMA optimize")
            with suppress(*STORE_ERRORS), self._lock:
                self._writer.dispose()
        self._lock.close()

    def fold_log(self, how: str, *more: str) -> None:
        """Fold the write-ahead log into the file. Raises as SQLite does."""
        with self._lock:
            connection = self._writer.raw_connection()
            try:
                for statement in (*more, f"PRAGMA wal_checkpoint({how})"):
                    connection.cursor().execute(statement).close()
            finally:
                connection.close()

    # Opening

    def _prepare(self) -> Problem | None:
        """Make a new file's tables, or bring an old file's up to date, while no other process does."""
        with _sentences(self.path), self._lock:
            version = self._version()
            found = health.damage(self.path) if version is not None else ""
            damaged = health.damaged(self.path, found) if found else None
            if version is None:
                migrate.create(self.path)
            elif version > SCHEMA_VERSION:
                return self._only_read_newer()
            elif version < SCHEMA_VERSION and damaged is not None:
                raise Refused(replace(damaged, severity="error"))
            elif version < SCHEMA_VERSION:
                migrate.upgrade(self.path, version)
            return damaged

    def _prepare_to_read(self) -> Problem:
        """A file or a folder that may not be written: read where it is, or from a copy brought up to date."""
        with _sentences(self.path):
            self._copy = health.Readable(self.path, SCHEMA_VERSION)
            try:
                version, found = self._version(), health.damage(self._copy.path, immutable=self._copy.immutable)
                if version is not None and version > SCHEMA_VERSION:
                    return self._only_read_newer()
                return health.damaged(self.path, found) if found else health.not_writable(self.path)
            except BaseException:
                self._copy.close()
                raise

    def _only_read_newer(self) -> Problem:
        self.newer = True
        return Problem(
            what=f"{self.path.name} was written by a newer Crossmodal Studio, so it is only read here.",
            hint="Update the studio, or choose another store.", severity="warning",
        )  # fmt: skip

    def _want_tables(self) -> None:
        try:
            with _sentences(self.path), self.read() as connection:
                connection.exec_driver_sql("SELECT count(*), max(status), max(claim) FROM run").one()
        except Refused:
            if self._copy is not None:
                self._copy.close()
            raise

    def _version(self) -> int | None:
        """The file's schema version; None where it is new. Raises Refused where it is another program's."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        if self.path.stat().st_size < LEAST_BYTES:  # SQLite takes a file of one byte for a new one, and writes over it
            raise sqlite3.DatabaseError("file is not a database")
        if self._copy is not None:
            connection = health.connect(self._copy.path, immutable=self._copy.immutable)
        else:
            connection = health.connect(self.path)
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            foreign = connection.execute(_FOREIGN).fetchone()
        finally:
            connection.close()
        if application != APPLICATION_ID and tables:
            raise refuse(f"{self.path.name} is the database of another program.", hint="Choose another file.")
        if foreign is not None:
            raise refuse(
                f"{self.path.name} holds the {foreign[0]} {str(foreign[1])[:80]!r}, which no studio writes: it could act when "
                "runs are read or written.", hint=f"Take the runs out of it: python -m studio repair {self.path.name}",
            )  # fmt: skip
        return int(version) if tables else None


def usable(path: Path) -> Path:
    """The file that a path leads to, its folder made. Raises Refused where no store can be kept there."""
    with _sentences(path):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise refuse(f"{path} is a folder.", hint="Name a file in it, for instance runs.db.")
        _want_name(path)
        return path.resolve()


def _want_name(path: Path) -> None:
    """Raise Refused for a circle of links, and for a name that SQLite cannot be given."""
    try:
        str(path.resolve()).encode()
    except (OSError, RuntimeError) as error:
        raise refuse(f"{path} is a link that leads nowhere.", hint="Choose another place.") from error
    except UnicodeEncodeError as error:
        raise refuse(f"{printable(str(path))} has a name that is not UTF-8.", hint="Rename it.") from error


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What goes wrong with a file, as a sentence."""
    try:
        yield
    except Refused:
        raise
    except Busy as error:
        raise _sentence(path, error) from error
    except OSError as error:
        raise refuse(f"{path} cannot be used: {error.strerror or error}.", hint="Choose another place.") from error
    except UNREADABLE as error:
        raise _sentence(path, error) from error


def _sentence(path: Path, error: Exception) -> Refused:
    cause = str(getattr(error, "orig", None) or error)
    if isinstance(error, Busy) or "locked" in cause or "busy" in cause:
        return refuse(f"{path.name} is in use by another process.", hint="Wait a moment and try again.")
    if isinstance(error, OSError) or any(word in cause for word in ("unable to open", "readonly", "disk I/O", "full")):
        return refuse(f"{path} cannot be used: {cause_of(error)}.", hint="Check the disk and the rights to the folder.")
    return refuse(
        f"{path.name} is damaged or is not a store of runs ({cause_of(error)}).",
        hint=f"python -m studio repair {path} makes a new store of what can be read; or open a backup.",
    )
