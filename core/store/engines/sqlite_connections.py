"""The connections of one store file: one that writes, a few that read; shared by everything in the process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

BUSY_SECONDS = 10.0


def writing_engine(path: Path, *, wal: bool) -> Engine:
    """One connection. Its transactions begin immediately, so waiting for another writer honours the busy timeout."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _set(connection, auto_vacuum="INCREMENTAL", journal_mode="WAL" if wal else "DELETE", synchronous="NORMAL")
        _set(connection, foreign_keys="ON", wal_autocheckpoint="0", trusted_schema="OFF", cache_size="-16000")
        return connection

    engine = create_engine("sqlite://", creator=connect, pool_size=1, max_overflow=0, poolclass=QueuePool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reading_engine(path: Path, *, immutable: bool = False) -> Engine:
    """Read-only connections with plain short transactions. ``immutable``: in a folder where nothing can be written."""
    address = f"file:{quote(str(path))}?mode=ro" + ("&immutable=1" if immutable else "")

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _set(connection, query_only="ON", trusted_schema="OFF", cache_size="-32000")
        return connection

    engine = create_engine("sqlite://", creator=connect, pool_size=4, max_overflow=12, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _set(connection: sqlite3.Connection, **pragmas: str) -> None:
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}").close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
