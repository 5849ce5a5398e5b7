"""A store file: opened, checked, brought up to date, and shared by everything in the process.

A damaged, foreign or unreachable file is refused with a sentence; a file of a newer version is only read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_data_dir
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from core.problems import Problem, Refused, refuse
from core.store import filesystems, migrate
from core.store.engines import reading_engine, writing_engine
from core.store.lock import Busy, FileLock
from core.store.schema import APPLICATION_ID, SCHEMA_VERSION

WAL_BYTES = 4 << 20  # the log is folded into the file beyond this
_open: dict[tuple[int, Path], Store] = {}
_open_lock = threading.RLock()


def default_path() -> Path:
    """Where runs are kept unless a person says otherwise."""
    return Path(user_data_dir("crossmodal-studio", appauthor=False)) / "runs.db"


def path_of(where: str | Path | None) -> Path:
    """A path from a path, a ``sqlite:///`` address or nothing. Raises Refused."""
    if where is None or str(where) == "":
        return default_path()
    text = str(where)
    if text.startswith("sqlite:///"):
        text = text[len("sqlite:///") :].split("?", 1)[0]
    elif "://" in text:
        kind = text.split("://", 1)[0]
        raise refuse(f"A store cannot be opened from {kind!r}.", hint="Give a file, or sqlite:///path/to/runs.db.")
    if text in ("", ":memory:") or "\0" in text:
        raise refuse(f"{text!r} is not a file that a store can be kept in.", hint="Give a path such as runs.db.")
    return Path(text).expanduser()


class Store:
    """One file of runs. ``Store.open`` gives the same object to everyone in a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: tuple[Problem, ...] = ()
        self.newer = False  # written by a newer studio: only read
        self._users = 0
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        wal = not filesystems.is_remote(path)
        if not wal:
            self.warnings = (filesystems.warning(path),)
        self._prepare()
        self._writer = writing_engine(path, wal=wal)
        self._reader = reading_engine(path)
        if not self.newer:
            with _sentences(path), self.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM run").one()

    @classmethod
    def open(cls, where: str | Path | None = None) -> Store:
        """Open or create a store. Raises Refused with a sentence where the file cannot be used."""
        path = path_of(where)
        with _open_lock, _sentences(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise refuse(f"{path} is a folder.", hint="Name a file in it, for instance runs.db.")
            key = (os.getpid(), path.resolve())
            if key not in _open:
                _open[key] = cls(path.resolve())
            _open[key]._users += 1
            return _open[key]

    @property
    def url(self) -> str:
        """The address by which another process opens it."""
        return f"sqlite:///{self.path}"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed at the end, undone by an exception. Keep it short.

        Raises Refused where the file is of a newer version, SQLAlchemyError or OSError where it cannot be written.
        """
        if self.newer:
            raise refuse(
                f"{self.path.name} was written by a newer Crossmodal Studio, so it is only read here.",
                hint="Update the studio, or choose another store.",
            )
        with self._lock, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A short transaction that reads; everything in it sees one moment. Raises Refused where the file is damaged."""
        try:
            with self._reader.begin() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError, zlib.error) as error:
            raise _sentence(self.path, error) from error

    def fold(self) -> None:
        """Fold the write-ahead log into the file where it has grown; a busy reader only puts it off."""
        with suppress(OSError, SQLAlchemyError):
            if self.path.with_name(self.path.name + "-wal").stat().st_size > WAL_BYTES:
                self._fold("PASSIVE")

    def make_durable(self) -> None:
        """From now on a commit survives a power cut, at the price of a disk flush each."""
        connection = self._writer.raw_connection()
        try:
            connection.cursor().execute("PRAGMA synchronous=FULL").close()
        finally:
            connection.close()

    def check(self) -> list[str]:
        """What SQLite's integrity check finds; empty where all is well."""
        with _sentences(self.path), self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if list(rows) == ["ok"] else [str(row) for row in rows]

    def backup(self, path: Path) -> Path:
        """Copy the whole store, also while it is written. Raises Refused."""
        return migrate.copy(self.path, path)

    def close(self) -> None:
        """Give the store back; the last one closes the file."""
        with _open_lock:
            self._users -= 1
            if self._users > 0:
                return
            _open.pop((os.getpid(), self.path), None)
            self._reader.dispose()
            if not self.newer:
                with suppress(OSError, SQLAlchemyError):
                    self._fold("TRUNCATE", "PRAGMA optimize")
            with suppress(OSError), self._lock:
                self._writer.dispose()
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        """Make a new file's tables, or bring an old file's up to date, while no other process does."""
        with _sentences(self.path), self._lock:
            version = self._version()
            if version is None:
                migrate.create(self.path)
            elif version < SCHEMA_VERSION:
                migrate.upgrade(self.path, version)
            elif version > SCHEMA_VERSION:
                self.newer = True

    def _version(self) -> int | None:
        """The file's schema version; None where it is new. Raises Refused where it is another program's."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10, isolation_level=None)
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.close()
        if application != APPLICATION_ID and tables:
            raise refuse(f"{self.path.name} is the database of another program.", hint="Choose another file.")
        return int(version) if tables else None

    def _fold(self, how: str, *more: str) -> None:
        with self._lock:
            connection = self._writer.raw_connection()
            try:
                for statement in (*more, f"PRAGMA wal_checkpoint({how})"):
                    connection.cursor().execute(statement).close()
            finally:
                connection.close()


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What goes wrong with a file, as a sentence."""
    try:
        yield
    except Refused:
        raise
    except Busy as error:
        raise refuse(f"{path.name} is in use by another process.", hint="Wait a moment and try again.") from error
    except OSError as error:
        raise refuse(f"{path} cannot be used: {error.strerror or error}.", hint="Choose another place.") from error
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError, ValueError) as error:
        raise _sentence(path, error) from error


def _sentence(path: Path, error: Exception) -> Refused:
    cause = str(getattr(error, "orig", None) or error)
    if "locked" in cause or "busy" in cause:
        return refuse(f"{path.name} is in use by another process.", hint="Wait a moment and try again.")
    if "unable to open" in cause or "readonly" in cause or "disk" in cause:
        return refuse(f"{path} cannot be used: {cause}.", hint="Check the disk and the rights to the folder.")
    return refuse(
        f"{path.name} is damaged or is not a store of runs ({cause}).",
        hint="Move it aside and open a backup, or choose another file.",
    )
