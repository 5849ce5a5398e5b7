"""SQLite files of others, read and never written: no trigger, view or function of theirs is run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from core.problems import refuse
from core.records.foreign import Place
from core.store.schema import APPLICATION_ID

ENDINGS = (".db", ".sqlite", ".sqlite3")
MAGIC = b"SQLite format 3\0"
APPLICATION_AT = 68  # byte of its application id
MOST_BYTES = 64 << 20  # of one value
SECONDS_TO_WAIT = 5.0  # for one that is written just now


def is_sqlite(path: Path) -> bool:
    """By its ending and its first bytes."""
    if path.suffix.lower() not in ENDINGS:
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def is_own_store(path: Path) -> bool:
    """Whether it is a store of this studio, by the number that SQLite keeps for such marks."""
    if path.suffix.lower() not in ENDINGS:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(APPLICATION_AT + 4)
    except OSError:  # said by whoever reads it
        return False
    return head.startswith(MAGIC) and head[APPLICATION_AT:] == APPLICATION_ID.to_bytes(4, "big")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads. Raises Refused where the file is damaged or locked."""
    where = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=SECONDS_TO_WAIT)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise refuse(f"{path} cannot be read: {error}.", hint="The other runs are imported without it.") from error


def tables(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Columns by table; views are none."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: {row["name"] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))}
        for name in names
    }


def holds(connection: sqlite3.Connection, wanted: dict[str, set[str]]) -> bool:
    """Whether there are these tables with these columns."""
    found = tables(connection)
    return all(columns <= found.get(name, set()) for name, columns in wanted.items())


def places_in(
    kind: str, folder: Path, names: Sequence[str], wanted: dict[str, set[str]],
    runs: Callable[[sqlite3.Connection], list[str]],
) -> list[Place]:  # fmt: skip
    """The runs of each of these files that is a database with the wanted tables; a run's share of its bytes is an even one."""
    found: list[Place] = []
    for path in (folder / name for name in names if is_sqlite(folder / name)):
        with opened(path) as connection:
            if holds(connection, wanted):
                which = runs(connection)
                size = path.stat().st_size // max(1, len(which))
                found += [Place(kind=kind, path=path, which=one, bytes=size) for one in which]
    return found
