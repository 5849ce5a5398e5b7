"""Tables of a new store, and old ones brought up to date, a file after a backup. Alembic is loaded only for an old store."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine

from core.store.schema import APPLICATION_ID, REVISION, SCHEMA_VERSION, metadata

SCRIPTS = Path(__file__).parent / "migrations"


def create(path: Path) -> None:
    """All tables of a new file, in one transaction."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA auto_vacuum=INCREMENTAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        create_tables(connection)
        _stamp(connection, SCHEMA_VERSION)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()


def create_tables(connection: Connection) -> None:
    """All tables, stamped with the newest revision, in the caller's transaction."""
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{REVISION}')")


def upgrade(path: Path, version: int, scripts: Path = SCRIPTS, target: int = SCHEMA_VERSION) -> Path:
    """Bring an old file up to date; gives the backup made before. On failure the file stays as it was."""
    kept = copy(path, path.parent / "backups" / f"{path.stem}-version-{version}-{time.strftime('%Y%m%d-%H%M%S')}.db")
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            run_revisions(connection, scripts)
            _stamp(connection, target)
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
    engine.dispose()
    return kept


def run_revisions(connection: Connection, scripts: Path = SCRIPTS) -> None:
    """Every revision that a store lacks, in the caller's transaction: all of them or, where one fails, none."""
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(scripts).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def copy(source: Path, target: Path) -> Path:
    """A consistent copy of a store, also while it is written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)
    writing = sqlite3.connect(target)
    try:
        reading.backup(writing, pages=2048)
    finally:
        writing.close()
        reading.close()
    return target


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=10, isolation_level=None)


def _stamp(connection: Connection, version: int) -> None:
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version={version}")
