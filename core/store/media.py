"""Made pictures and sounds as files in a folder beside the store, named by their content: the same content lies there once.

A file is whole on the disk before its row is committed, and goes only after its last row has gone, so a row is never
without its file. Who is about to put or to remove files announces their names first; what a process that died had
announced is looked through at the next open, and what no row names is removed. Rows and removals are made under the
store's one lock.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from core.problems import Refused, refuse
from core.store.encoding import is_content, is_named
from core.store.liveness import is_alive, is_this_host, this_host, this_process
from core.store.schema import media, series, snapshot

MEDIA = ".media"  # behind the name of a store
ANNOUNCED, UNFINISHED = ".announced-", ".unfinished-"
AT_ONCE = 500  # names in one statement


def media_beside(path: Path) -> Path:
    """The folder of pictures and sounds of a store's file: one for each store, so none removes another's."""
    return path.with_name(path.name + MEDIA)


class MediaFolder:
    """The files beside one store."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, name: str) -> Path:
        """Where a file lies."""
        return self.path / name[:2] / name

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises Refused where it is missing or not as it was written."""
        if not is_named(name):
            raise refuse("An image or audio of this run has a damaged name in the store.")
        try:
            data = self.place(name).read_bytes()
        except FileNotFoundError as error:
            raise refuse(
                f"The file {name[:12]}… is missing.", hint=f"It should lie in {self.path}; move it with the store."
            ) from error
        except OSError as error:
            raise refuse(f"The file {name[:12]}… cannot be read: {error.strerror or error}.") from error
        if not is_content(name, data):
            raise refuse(f"The file {name[:12]}… is damaged on disk.", hint=f"Restore {self.path.name} from a backup.")
        return data

    def whole(self, name: str) -> bool:
        """Whether a file is there as it was written."""
        try:
            self.read(name)
        except Refused:
            return False
        return True

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; one that is there already is left. Raises OSError."""
        final = self.place(name)
        if self._is_there(final, len(data)):
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path / f"{UNFINISHED}{_owner()}-{name}"
        try:
            with unfinished.open("wb", buffering=0) as file:
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            os.replace(unfinished, final)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    @staticmethod
    def _is_there(final: Path, size: int) -> bool:
        with suppress(OSError):
            return final.stat().st_size == size
        return False

    def announce(self, names: Iterable[str]) -> Path:
        """Say which files are about to come or go. The name that is given back is unlinked when that is settled."""
        self.path.mkdir(parents=True, exist_ok=True)
        own = f"{_owner()}-{secrets.token_hex(4)}"
        begun = (
            self.path / f"{UNFINISHED}{own}"
        )  # under its own name only once all of it is there: half of it says nothing
        begun.write_text("\n".join([this_host(), *names]), encoding="utf-8")
        return begun.replace(self.path / f"{ANNOUNCED}{own}")

    def left_by_the_dead(self) -> list[Path]:
        """What processes that are gone had announced or begun. Cheap: one folder's names."""
        with suppress(OSError), os.scandir(self.path) as entries:
            return sorted(Path(entry.path) for entry in entries if _is_of_the_dead(entry.name))
        return []

    def sweep(self, connection: Connection, left: Iterable[Path]) -> None:
        """Remove what was announced and is named by no row. To be called in a transaction that writes."""
        for path in left:
            if path.name.startswith(UNFINISHED):
                path.unlink(missing_ok=True)
                continue
            host, *names = path.read_text(encoding="utf-8", errors="replace").split("\n")
            if is_this_host(host):  # another machine's processes cannot be asked whether they live
                self.remove(connection, [name for name in names if is_named(name)])
                path.unlink(missing_ok=True)

    def remove(self, connection: Connection, names: Collection[str]) -> None:
        """Remove those of these files that no row names. To be called in a transaction that writes, after the rows went."""
        for name in {name for name in names if is_named(name)} - kept_names(connection, names):
            with suppress(OSError):
                self.place(name).unlink()

    def bring(self, source: MediaFolder, names: Iterable[str]) -> list[str]:
        """Copy files from another folder; gives the names of those that are not whole there.

        Raises OSError where they cannot be written here.
        """
        missing = []
        for name in dict.fromkeys(names):
            try:
                data = source.read(name)
            except Refused:
                missing.append(name)
                continue
            self.put(name, data)
        return missing


class Putting:
    """Puts the files of what one recorder says; used by one thread."""

    def __init__(self, folder: MediaFolder) -> None:
        self._folder = folder
        self._announced: list[Path] = []

    def put(self, files: Mapping[str, bytes]) -> None:
        """On to the disk, before their rows are written. Raises OSError."""
        if files:
            self._announced.append(self._folder.announce(files))
            for name, data in files.items():
                self._folder.put(name, data)

    def announce(self, names: Collection[str]) -> None:
        """These may go once the rows that named them are gone. Raises OSError."""
        if names:
            self._announced.append(self._folder.announce(names))

    def ensure(self, files: Mapping[str, bytes]) -> None:
        """In the transaction of their rows: what another process removed meanwhile, for no row named it, is put again."""
        for name, data in files.items():
            self._folder.put(name, data)

    def settle(self) -> None:
        """All rows are committed, and what no row names any more is removed."""
        for path in self._announced:
            with suppress(OSError):
                path.unlink()
        self._announced.clear()


def kept_names(connection: Connection, names: Iterable[str]) -> set[str]:
    """Those of these files that a row names."""
    found: set[str] = set()
    for some in _some(sorted(set(names))):
        found.update(connection.execute(select(media.c.name).where(media.c.name.in_(some)).distinct()).scalars())
    return found


def every_name(connection: Connection) -> list[str]:
    """Every file that the store names, each once."""
    return list(connection.execute(select(media.c.name).distinct()).scalars())


def names_of_runs(connection: Connection, run_ids: Collection[int]) -> list[str]:
    """Every file that these runs name, each once."""
    asked = select(media.c.name).join(snapshot, media.c.snapshot_id == snapshot.c.id).join(series)
    return list(connection.execute(asked.where(series.c.run_id.in_(run_ids)).distinct()).scalars())


def names_after(connection: Connection, series_id: int, step: int) -> list[str]:
    """Every file that a series names after a step."""
    asked = select(media.c.name).join(snapshot, media.c.snapshot_id == snapshot.c.id)
    asked = asked.where(snapshot.c.series_id == series_id, snapshot.c.step > step)
    return list(connection.execute(asked.distinct()).scalars())


def keep_names(connection: Connection, series_id: int, step: int, files: Mapping[str, bytes]) -> list[str]:
    """Write which files a snapshot names; gives those that it named before and names no more."""
    asked = select(snapshot.c.id).where(snapshot.c.series_id == series_id, snapshot.c.step == step)
    snapshot_id = connection.execute(asked).scalar_one()
    mine = media.c.snapshot_id == snapshot_id
    before = list(connection.execute(select(media.c.name).where(mine)).scalars())
    if before:
        connection.execute(delete(media).where(mine))
    rows = [{"snapshot_id": snapshot_id, "name": name, "bytes": len(data)} for name, data in files.items()]
    if rows:
        connection.execute(insert(media), rows)
    return [name for name in before if name not in files]


def _some(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]


def _owner() -> str:
    number, started = this_process()
    return f"{number}.{started:.0f}"


def _is_of_the_dead(name: str) -> bool:
    prefix = next((prefix for prefix in (ANNOUNCED, UNFINISHED) if name.startswith(prefix)), "")
    number, _, started = name.removeprefix(prefix).partition("-")[0].partition(".")
    if not prefix or not (number.isdecimal() and started.isdecimal()):
        return False
    return not is_alive(int(number), float(started))
