"""A store file: opened, checked, brought up to date, and shared by everything in the process.

A foreign or unreachable file is refused with a sentence. A file of a newer version, one that is damaged and one that
may not be written are only read, as far as that goes.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from platformdirs import user_data_dir
from sqlalchemy import Connection

from core.problems import Problem, Refused, refuse
from core.store import filesystems, health, migrate
from core.store.engines import reading_engine, writing_engine
from core.store.faults import STORE_ERRORS, cause_of, is_storage_fault
from core.store.lock import Busy, FileLock
from core.store.media import MediaFolder, every_name
from core.store.places import media_folder
from core.store.schema import APPLICATION_ID, SCHEMA_VERSION
from core.texts import printable

LEAST_BYTES = 100  # of a database of SQLite: its header
WAL_BYTES = 4 << 20  # the log is folded into the file beyond this
UNREADABLE = (  # what a damaged file may raise, in SQLite or when its rows are taken apart
    *STORE_ERRORS, ValueError, KeyError, IndexError, TypeError, OverflowError, zlib.error, struct.error,
)  # fmt: skip
_open: dict[tuple[int, Path], Store] = {}
_open_lock = threading.RLock()


def homes() -> list[Path]:
    """The folders of the stores that this process has open, then the one where runs are kept by themselves."""
    return list(
        dict.fromkeys([*(path.parent for number, path in _open if number == os.getpid()), default_path().parent])
    )


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


_FOREIGN = (
    "SELECT CASE WHEN type = 'table' THEN 'virtual table' ELSE type END, name FROM sqlite_master "
    "WHERE type IN ('trigger', 'view') OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%') LIMIT 1"
)


class Store:
    """One file of runs. ``Store.open`` gives the same object to everyone in a process."""

    _copy: health.Readable | None = None  # what is read in place of a file that may not be written

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: tuple[Problem, ...] = ()
        self.newer = False  # written by a newer studio: only read
        self._users = 0
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        wal = not filesystems.is_remote(path)
        if not wal:
            self.warnings = (filesystems.warning(path),)
        self.only_read = (
            self._prepare() if health.may_write(path) else self._prepare_to_read()
        )  # why nothing is written
        if self.only_read is not None:
            self.warnings = (*self.warnings, self.only_read)
        self._writer = writing_engine(path, wal=wal)
        self._reader = self._copy.engine() if self._copy else reading_engine(path)
        if not self.newer:
            try:
                with _sentences(path), self.read() as connection:
                    connection.exec_driver_sql("SELECT count(*), max(status), max(claim) FROM run").one()
            except Refused:
                if self._copy is not None:
                    self._copy.close()
                raise

        self._sweep()

    def _sweep(self) -> None:
        """Files that a process wrote whose rows were never committed, for it died, are removed."""
        folder = MediaFolder(media_folder(self.path))
        left = folder.left_by_the_dead() if self.is_writable else []
        if left:
            with suppress(Refused, OSError), self.write() as connection:
                folder.sweep(connection, left)

    @classmethod
    def open(cls, where: str | Path | None = None) -> Store:
        """Open or create a store. Raises Refused with a sentence where the file cannot be used."""
        path = path_of(where)
        with _open_lock, _sentences(path):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise refuse(f"{path} is a folder.", hint="Name a file in it, for instance runs.db.")
            _want_name(path)
            key = (os.getpid(), path.resolve())
            if key not in _open:
                _open[key] = cls(path.resolve())
            _open[key]._users += 1
            return _open[key]

    @property
    def url(self) -> str:
        """The address by which another process opens it."""
        return f"sqlite:///{self.path}"

    @property
    def is_writable(self) -> bool:
        """Whether it can be written; :attr:`only_read` says why not."""
        return self.only_read is None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed at the end, undone by an exception. Keep it short.

        Raises Refused where the file is only read, or cannot be written now: a full disk, a lock.
        """
        if self.only_read is not None:
            raise Refused(replace(self.only_read, severity="error"))
        try:
            with self._lock, self._writer.begin() as connection:
                yield connection
        except STORE_ERRORS as error:
            if is_storage_fault(error):
                raise _sentence(self.path, error) from error
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A short transaction that reads; everything in it sees one moment. Raises Refused where the file is damaged."""
        with self.decoding(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """What was read is taken apart inside. Raises Refused where it is damaged."""
        try:
            yield
        except Refused:
            raise
        except UNREADABLE as error:
            raise _sentence(self.path, error) from error

    def fold(self) -> None:
        """Fold the write-ahead log into the file where it has grown; a busy reader only puts it off."""
        with suppress(*STORE_ERRORS):
            if self.path.with_name(self.path.name + "-wal").stat().st_size > WAL_BYTES:
                self._fold("PASSIVE")

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
        """What SQLite's integrity check finds; empty where all is well."""
        with _sentences(self.path), self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [] if list(rows) == ["ok"] else [str(row) for row in rows]

    def backup(self, path: Path) -> Path:
        """Copy the whole store with its pictures and sounds, also while it is written. Raises Refused."""
        with _sentences(self.path):
            copied = migrate.copy(self.path, path)
            with self.read() as connection:
                names = every_name(connection)
            MediaFolder(media_folder(path)).bring(MediaFolder(media_folder(self.path)), names)
            return copied

    def close(self) -> None:
        """Give the store back; the last one closes the file."""
        with _open_lock:
            self._users -= 1
            if self._users > 0:
                return
            _open.pop((os.getpid(), self.path), None)
            self._reader.dispose()
            if self._copy is not None:
                self._copy.close()
            if self.is_writable:
                with suppress(*STORE_ERRORS):
                    self._fold("TRUNCATE", "PRAGMA optimize")
                with suppress(*STORE_ERRORS), self._lock:
                    self._writer.dispose()
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def _fold(self, how: str, *more: str) -> None:
        with self._lock:
            connection = self._writer.raw_connection()
            try:
                for statement in (*more, f"PRAGMA wal_checkpoint({how})"):
                    connection.cursor().execute(statement).close()
            finally:
                connection.close()


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
