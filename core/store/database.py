"""A store of runs, opened by a path or a URL, and shared by everything in the process.

What holds its rows, a SQLite file or a PostgreSQL database, is a :class:`core.store.engines.holder.Holder`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table

from core.problems import Problem, Refused, refuse
from core.store.engines.holder import Holder
from core.store.engines.sqlite import SqliteFile, usable
from core.store.faults import STORE_ERRORS, UNREADABLE, is_storage_fault
from core.store.folders import data_folder
from core.store.media import MEDIA, MediaFolder, every_name, media_beside

SERVERS = ("postgresql://", "postgresql+psycopg://", "postgres://")
_Key = tuple[int, str]
_open: dict[_Key, Store] = {}
_open_lock = threading.RLock()


def homes() -> list[Path]:
    """The folders of the stores that this process has open, then the one where runs are kept by themselves."""
    return list(
        dict.fromkeys([*(store.files for (number, _), store in _open.items() if number == os.getpid()), data_folder()])
    )


def default_path() -> Path:
    """Where runs are kept unless a person says otherwise."""
    return data_folder() / "runs.db"


def is_by_url(where: str | Path | None) -> bool:
    """Whether a store is a database of a server, and not a file."""
    return str(where or "").startswith(SERVERS)


def path_of(where: str | Path | None) -> Path:
    """A path from a path, a ``sqlite:///`` address or nothing. Raises Refused."""
    if where is None or str(where) == "":
        return default_path()
    text = str(where)
    if text.startswith("sqlite:///"):
        text = text[len("sqlite:///") :].split("?", 1)[0]
    elif "://" in text:
        kind = text.split("://", 1)[0]
        raise refuse(
            f"A store cannot be opened from {kind!r}.",
            hint="Give a file, sqlite:///path/to/runs.db, or postgresql+psycopg://user@host/database.",
        )
    if text in ("", ":memory:") or "\0" in text:
        raise refuse(f"{text!r} is not a file that a store can be kept in.", hint="Give a path such as runs.db.")
    return Path(text).expanduser()


class Store:
    """Every run of a file or a database. ``Store.open`` gives the same object to everyone in a process."""

    def __init__(self, holder: Holder, key: _Key) -> None:
        self._holder, self._key = holder, key
        self._users = 0
        self._sweep()

    @property
    def media_folder(self) -> Path:
        """The folder of pictures and sounds of its runs."""
        return self.files / (Path(self.name).name + MEDIA)

    def _sweep(self) -> None:
        """Files that a process wrote whose rows were never committed, for it died, are removed."""
        folder = MediaFolder(self.media_folder)
        left = folder.left_by_the_dead() if self.is_writable else []
        if left:
            with suppress(Refused, OSError), self.write() as connection:
                folder.sweep(connection, left)

    @classmethod
    def open(cls, where: str | Path | None = None, *, files: str | Path | None = None) -> Store:
        """Open or create a store by its path or URL. Raises Refused with a sentence where it cannot be used.

        ``files``: the folder for checkpoints and other large files of a store by URL; those of a file lie beside it.
        """
        with _open_lock:
            name, make = _found(where, files)
            key = (os.getpid(), name)
            if key not in _open:
                _open[key] = cls(make(), key)
            _open[key]._users += 1
            return _open[key]

    @property
    def name(self) -> str:
        """What sentences call it."""
        return self._holder.name

    @property
    def place(self) -> str:
        """Where it is, for a person: a path, or an address without its password."""
        return self._holder.place

    @property
    def url(self) -> str:
        """The address by which another process opens it, without its password (see :attr:`environment`)."""
        return self._holder.url

    @property
    def environment(self) -> Mapping[str, str]:
        """What a child needs in its environment to open it: a password is never an argument that others can read."""
        return self._holder.environment

    @property
    def files(self) -> Path:
        """The folder of checkpoints, logs and other large files."""
        return self._holder.files

    @property
    def path(self) -> Path:
        """The file of a store that is one. Raises Refused for a store by URL."""
        if isinstance(self._holder, SqliteFile):
            return self._holder.path
        raise refuse(f"{self.name} is no file.", hint="Give a store that is a file.")

    @property
    def is_file(self) -> bool:
        """Whether it is a file of this machine, and not a database that others write too."""
        return isinstance(self._holder, SqliteFile)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a person should know about it."""
        return self._holder.warnings

    @property
    def only_read(self) -> Problem | None:
        """Why nothing is written; None where it can be."""
        return self._holder.only_read

    @property
    def newer(self) -> bool:
        """Whether a newer studio wrote it: it is then only read."""
        return self._holder.newer

    @property
    def is_writable(self) -> bool:
        """Whether it can be written; :attr:`only_read` says why not."""
        return self.only_read is None

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Connection]:
        """A transaction that writes; committed at the end, undone by an exception. Keep it short.

        Nobody else writes meanwhile, so what is looked at stays true until the end; without ``alone`` others may, on a
        server, write rows that are not the caller's. Raises Refused where the store is only read, or cannot be written
        now: a full disk, a lock, a server that is gone.
        """
        if self.only_read is not None:
            raise Refused(replace(self.only_read, severity="error"))
        try:
            with self._holder.write(alone=alone) as connection:
                yield connection
        except STORE_ERRORS as error:
            if is_storage_fault(error):
                raise self._holder.sentence(error) from error
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A short transaction that reads; everything in it sees one moment. Raises Refused where it cannot be read."""
        with self.decoding(), self._holder.read() as connection:
            yield connection

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """What was read is taken apart inside. Raises Refused where it is damaged."""
        try:
            yield
        except Refused:
            raise
        except UNREADABLE as error:
            raise self._holder.sentence(error) from error

    def upsert(self, connection: Connection, table: Table, keys: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        """Insert rows; one whose keys are there already gets the new values of the others."""
        statement = self._holder.insert(table).values(rows)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changed))

    def spool_file(self, run_id: int, attempt: int) -> Path:
        """Where what a run says waits on this machine's disk while the store cannot be written."""
        return self._holder.spool_file(run_id, attempt)

    def fold(self) -> None:
        """Tidy up after a write."""
        self._holder.fold()

    def make_durable(self) -> None:
        """From now on a commit survives a power cut."""
        self._holder.make_durable()

    def flush_to_disk(self) -> None:
        """What was committed survives a power cut from now on. Raises Refused."""
        self._holder.flush_to_disk()

    def check(self) -> list[str]:
        """What is damaged; empty where all is well."""
        return self._holder.check()

    def backup(self, path: Path) -> Path:
        """Copy the whole store with its pictures and sounds, also while it is written. Raises Refused, also where that is an administrator's business."""
        copied = self._holder.backup(path)
        with self.read() as connection:
            names = every_name(connection)
        MediaFolder(media_beside(path)).bring(MediaFolder(self.media_folder), names)
        return copied

    def close(self) -> None:
        """Give the store back; the last one closes it."""
        with _open_lock:
            self._users -= 1
            if self._users != 0:
                return
            _open.pop(self._key, None)
            self._holder.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _found(where: str | Path | None, files: str | Path | None) -> tuple[str, Callable[[], Holder]]:
    """What tells a store from others, and how it is opened. Raises Refused."""
    if is_by_url(where):
        from core.store.engines.postgresql import PostgresqlDatabase, address_of, files_of

        address = address_of(str(where))
        folder = Path(files).expanduser().resolve() if files else files_of(address, data_folder())
        return f"{address.render_as_string()} {folder}", lambda: PostgresqlDatabase(address, folder)
    path = path_of(where)
    if files:
        raise refuse(
            "A folder for files goes with a store by URL.",
            hint=f"The files of {path.name} lie beside it; leave it out.",
        )
    path = usable(path)
    return str(path), lambda: SqliteFile(path)
