"""A new store of what can be read in a damaged one: row by row, and what cannot be read is counted and said.

The damaged file is copied first and never written. Three ways of reading are tried, each for what the one before left:
by number upwards, by number downwards, and by number alone; so a torn page costs its own rows and not those behind it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Table

from core.problems import Refused, refuse
from core.store import migrate, pages, points
from core.store.database import Store
from core.store.faults import cause_of
from core.store.media import MediaFolder, every_name, media_beside
from core.store.schema import metadata, run

DAMAGE = (sqlite3.Error, UnicodeDecodeError, OverflowError, ValueError, MemoryError)
SIDES = ("-wal",)
MOST_NUMBER = 2**40
FILES = "files of made images and audio"
PAGE_BYTES = 4096  # SQLite's own, of every store


@dataclass(frozen=True, kw_only=True)
class Salvaged:
    """What came of one table."""

    table: str
    rows: int  # in the new store
    unreadable: int  # rows that were found and are damaged
    is_torn: bool  # there may have been more
    from_pages: int = 0  # of ``rows``: found page by page, where the tree above them is torn


def repaired_path(path: Path) -> Path:
    """Where the new store goes unless a person says otherwise."""
    return path.with_name(f"{path.stem}-repaired{path.suffix or '.db'}")


def repair(path: Path, target: Path) -> list[Salvaged]:
    """Make ``target`` of what can be read in ``path``. Raises Refused where nothing can be, or it cannot be written."""
    if not path.is_file():
        raise refuse(f"There is no file {path}.")
    if target.exists():
        raise refuse(f"{target} is there already.", hint="Name a new file with -o.")
    try:
        with tempfile.TemporaryDirectory(prefix="crossmodal-repair-") as folder:
            copy = Path(folder) / "damaged.db"
            shutil.copyfile(path, copy)
            for side in SIDES:
                with suppress(FileNotFoundError):
                    shutil.copyfile(path.with_name(path.name + side), copy.with_name(copy.name + side))
            _settle_log(copy)
            _mend_header(copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            migrate.create(target)
            found = _salvage(copy, target)
            found += _salvage_files(path, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise refuse(f"{target} cannot be written: {cause_of(error)}.") from error
    if not any(each.rows for each in found):
        target.unlink(missing_ok=True)
        raise refuse(f"Nothing in {path.name} can be read as a store of runs.", hint="Open a backup.")
    with Store.open(target):
        pass
    return found


def _salvage_files(path: Path, target: Path) -> list[Salvaged]:
    """Pictures and sounds that the new store names, copied beside it; those that are missing or damaged are counted."""
    with Store.open(target) as store, store.read() as connection:
        names = every_name(connection)
    missing = MediaFolder(media_beside(target)).bring(MediaFolder(media_beside(path)), names)
    kept = len(names) - len(missing)
    return [Salvaged(table=FILES, rows=kept, unreadable=len(missing), is_torn=False)] if names else []


def _settle_log(copy: Path) -> None:
    """What the log holds becomes part of the copy; a torn log is left out from where it is torn."""
    with suppress(*DAMAGE), closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for side in ("-wal", "-shm"):
        copy.with_name(copy.name + side).unlink(missing_ok=True)


def _mend_header(copy: Path) -> None:
    """What every store has in its first hundred bytes is known, so damage there costs nothing."""
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        head = bytearray(file.read(100).ljust(100, b"\0"))
        head[:24] = b"SQLite format 3\0" + PAGE_BYTES.to_bytes(2, "big") + bytes((1, 1, 0, 64, 32, 32))
        head[28:32] = (size // PAGE_BYTES).to_bytes(4, "big")
        head[44:48], head[56:60], head[92:96] = b"\0\0\0\4", b"\0\0\0\1", head[24:28]
        file.seek(0)
        file.write(head)


def _salvage(copy: Path, target: Path) -> list[Salvaged]:
    carved = pages.rows(copy.read_bytes())
    writing = sqlite3.connect(target, isolation_level=None)
    writing.execute("PRAGMA foreign_keys=OFF")
    writing.execute("BEGIN IMMEDIATE")
    try:
        found = [_salvage_table(copy, writing, table, carved) for table in metadata.sorted_tables]
        _make_good(writing)
        writing.execute("COMMIT")
    finally:
        writing.close()
    return found


def _salvage_table(copy: Path, writing: sqlite3.Connection, table: Table, carved: pages.Rows) -> Salvaged:
    reader = _Reader(copy, table)
    names = [column.name for column in table.columns]
    insert = _insertion(table.name, names)
    seen: dict[Any, bool] = {}

    def keep(key: Any, values: dict[str, Any]) -> bool:
        good = _good(table, values)
        return good is not None and _inserted(writing, insert, [good[name] for name in names])

    for key, values in reader.rows():
        if not seen.get(key):
            seen[key] = keep(key, values)
    read = sum(seen.values())
    for key, values in carved.of(table) if reader.is_torn else ():
        if not seen.get(key):
            seen[key] = keep(key, values)
    kept = sum(seen.values())
    return Salvaged(
        table=table.name, rows=kept, unreadable=len(seen) - kept, is_torn=reader.is_torn, from_pages=kept - read
    )


def _inserted(writing: sqlite3.Connection, statement: str, values: list[Any]) -> bool:
    try:
        return writing.execute(statement, values).rowcount > 0
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError):
        return False


class _Reader:
    """One table of a damaged file; every way of reading it stops where the file is torn."""

    def __init__(self, path: Path, table: Table) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, isolation_level=None)
        self._connection.text_factory = bytes
        self._name = _quoted(table.name)
        self._keys = [column.name for column in table.primary_key]
        self._numbered = bool(table.dialect_options["sqlite"]["with_rowid"])
        self.is_torn = False

    def rows(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Key and values of each row, some of them twice."""
        try:
            yield from self._upwards() if self._numbered else self._tried("")
            if self.is_torn:
                yield from self._tried(" ORDER BY " + ", ".join(f"{_quoted(key)} DESC" for key in self._keys))
        finally:
            self._connection.close()

    def _upwards(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """By number; past a torn place by leaps that double."""
        place, leap = -1, 1
        while place < MOST_NUMBER:
            before = place
            for key, values in self._tried(" ".join((" WHERE rowid >", str(place), "ORDER BY rowid"))):
                place, leap = key, 1
                yield key, values
            if not self._stumbled:
                return
            place, leap = (place + leap, leap * 2) if place == before else (place, 1)

    def _tried(self, rest: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        self._stumbled = False
        number = "rowid AS the_row, " if self._numbered else ""
        try:
            cursor = self._connection.execute(f"SELECT {number}* FROM {self._name}{rest}")
            names = [entry[0] for entry in cursor.description]
            for row in cursor:
                values = dict(zip(names, row, strict=True))
                key = values.pop("the_row") if self._numbered else tuple(values.get(name) for name in self._keys)
                yield key, values
        except DAMAGE:
            self.is_torn = self._stumbled = True


def _good(table: Table, values: dict[str, Any]) -> dict[str, Any] | None:
    """A row whose values are what their columns want; a lesser one gets its default, a key that is wrong costs the row."""
    good: dict[str, Any] = {}
    for column in table.columns:
        value, fits = _fitting(column.type.python_type, values.get(column.name))
        if fits and value is None and not column.nullable:
            fits = False
        if not fits:
            essential = (
                column.primary_key or column.foreign_keys or column.name in ("uid", "step", "first", "data", "keys")
            )
            fallback = _default(column)
            if essential or (fallback is None and not column.nullable):
                return None
            value = fallback
        good[column.name] = value
    return good if _checksum_holds(table.name, good) and _is_json(table.name, good) else None


def _default(column: Any) -> Any:
    if column.default is not None and not callable(column.default.arg):
        return column.default.arg
    return {str: "", float: 0.0, int: 0}.get(column.type.python_type) if not column.nullable else None


def _fitting(kind: type, value: Any) -> tuple[Any, bool]:
    if value is None:
        return None, True
    if kind is str:
        if isinstance(value, bytes):
            try:
                return value.decode("utf-8"), True
            except UnicodeDecodeError:
                return value.decode("utf-8", "replace"), True
        return value, isinstance(value, str)
    if kind is bytes:
        return value, isinstance(value, bytes)
    if kind is float:
        return value, isinstance(value, int | float)
    return value, isinstance(value, int)


def _checksum_holds(table: str, row: dict[str, Any]) -> bool:
    if table == "tail":
        return len(row["keys"]) == len(row["data"]) == 8 * row["size"]
    if table == "chunk":
        try:
            points.unseal(SimpleNamespace(**row))
            points.levels_of([SimpleNamespace(**row)])
        except (Refused, ValueError, TypeError):
            return False
        return True
    if table in ("snapshot", "exhibit"):
        return zlib.crc32(row["data"], zlib.crc32(row["about"].encode())) == row["checksum"]
    return True


JSON = {
    "run": ("environment", "{}"), "mark": ("data", "{}"), "command": ("arguments", "{}"), "trial": ("figures", "{}"),
    "param": ("text", None), "snapshot": ("about", None), "exhibit": ("about", None),
}  # fmt: skip  # a column that must be JSON, and what stands for a damaged one; None: the row goes


def _is_json(table: str, row: dict[str, Any]) -> bool:
    """Whether the row's JSON can be read; what can be replaced is."""
    column, instead = JSON.get(table, ("", ""))
    if not column:
        return True
    try:
        json.loads(row[column])
    except (ValueError, RecursionError):
        row[column] = instead
    return row[column] is not None


def _make_good(writing: sqlite3.Connection) -> None:
    """Rows of runs and series that are lost themselves: a run gets a row of its own, what belongs to no series goes."""
    lost = "SELECT DISTINCT run_id FROM series WHERE run_id NOT IN (SELECT id FROM run)"
    columns = [column.name for column in run.columns]
    statement = _insertion("run", columns)
    for (number,) in writing.execute(lost).fetchall():
        name = f"recovered-{number}"
        known = {
            "id": number,
            "uid": name,
            "name": name,
            "status": "interrupted",
            "created": 0.0,
        }
        writing.execute(statement, [known.get(column.name, _default(column)) for column in run.columns])
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            other, column = key.column.table.name, key.parent.name
            gone = " ".join((column, "IS NOT NULL AND", column, "NOT IN (SELECT id FROM", other, ")"))
            if key.parent.nullable:
                writing.execute(f"UPDATE {table.name} SET {column} = NULL WHERE {gone}")
            else:
                writing.execute(f"DELETE FROM {table.name} WHERE {gone}")


def _insertion(table: str, names: list[str]) -> str:
    columns, places = ", ".join(map(_quoted, names)), ", ".join("?" * len(names))
    return "".join(("INSERT OR IGNORE INTO ", _quoted(table), " (", columns, ") VALUES (", places, ")"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
