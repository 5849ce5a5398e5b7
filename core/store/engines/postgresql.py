"""A store in a PostgreSQL database: many machines write it at once, and the window of each tails the runs of all.

Who looks before he writes holds an advisory lock of the database until his transaction ends, as ``BEGIN IMMEDIATE`` does for
a file; a recorder writes rows that are its run's alone, and holds none. Passwords stay out of every sentence, argument
and file: they are the server's, libpq's (PGPASSFILE, ~/.pgpass, PGPASSWORD), or in the URL as long as the process lives.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, create_engine, make_url, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ArgumentError, ProgrammingError, SQLAlchemyError

from core.problems import Problem, Refused, refuse
from core.store import migrate, points
from core.store.engines.sqlite_connections import BUSY_SECONDS
from core.store.faults import UNREADABLE, cause_of
from core.store.liveness import this_host
from core.store.schema import APPLICATION_ID, SCHEMA_VERSION, chunk

DRIVER = "postgresql+psycopg"
SECRETS = ("password", "sslpassword")  # what libpq takes as a parameter and nobody should read
LONGEST_CONNECT_SECONDS = 10
OURS = "Crossmodal Studio: runs"  # the comment by which a store is told from another program's tables
SETTINGS = {  # of every connection
    "lock_timeout": f"{BUSY_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": "60s",  # a process that was frozen must not hold up the others for ever
}
READING = {"default_transaction_read_only": "on", "default_transaction_isolation": r"repeatable\ read"}
ALIVE = {"keepalives": 1, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
_TABLES = (
    "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)
_MARK = "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"


def address_of(where: str) -> URL:
    """A database's address, for psycopg, its password where it hides best. Raises Refused, never with the password."""
    try:
        address = make_url(where)
        port = address.port
    except (ArgumentError, ValueError) as error:
        raise refuse(
            "This is not the URL of a database.", hint="It looks like postgresql+psycopg://user@host:5432/database."
        ) from error
    if not address.database:
        raise refuse(
            f"{address.render_as_string(hide_password=True)} names no database.",
            hint="Put its name behind the last slash.",
        )
    password = address.query.get("password")
    if password is not None and not address.password:
        address = address.set(password=str(password))
    return address.set(drivername=DRIVER, port=port).difference_update_query(SECRETS)


def files_of(address: URL, data: Path) -> Path:
    """Where checkpoints of a store by URL lie on this machine unless a person says otherwise: a folder for each store."""
    told = f"{server_of(address)}/{address.database} {address.query.get('options', '')}"
    number = hashlib.sha256(told.encode()).hexdigest()[:8]
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{address.host or 'local'}-{address.database}").strip("-.")
    return data / "stores" / f"{words}-{number}"


def server_of(address: URL) -> str:
    """Host and port, or the folder of the socket."""
    host = address.host or str(address.query.get("host") or os.environ.get("PGHOST") or "this machine")
    return host if host.startswith("/") else f"{host}:{address.port or os.environ.get('PGPORT') or 5432}"


class PostgresqlDatabase:
    """One database of a server; everything it keeps outside of rows lies in ``files``."""

    def __init__(self, address: URL, files: Path) -> None:
        if find_spec("psycopg") is None:
            raise refuse(
                "A store by URL needs psycopg, which is not installed.",
                hint='Install it: pip install "crossmodal-studio[postgresql]" (or: pip install "psycopg[binary]").',
            )
        self._address, self.files = address, files
        self.name = f"{address.database} on {server_of(address)}"
        self.place = address.render_as_string(hide_password=True)
        self.url = address.set(password=None).render_as_string()
        self.environment: Mapping[str, str] = {"PGPASSWORD": str(address.password)} if address.password else {}
        self.warnings: tuple[Problem, ...] = ()
        self.newer = False
        self._writer, self._reader = _engine(address, {}), _engine(address, READING)
        self._lock = text("SELECT pg_advisory_xact_lock(:store, hashtext(current_schema()))").bindparams(
            store=APPLICATION_ID
        )
        try:
            self.only_read = self._prepare()
            files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.close()
            raise refuse(
                f"The folder {files} cannot be used: {error.strerror or error}.",
                hint="Name another one with --files FOLDER.",
            ) from error
        except BaseException:
            self.close()
            raise
        if self.only_read is not None:
            self.warnings = (self.only_read,)

    @contextmanager
    def write(self, *, alone: bool) -> Iterator[Connection]:
        """A transaction that writes; ``alone`` keeps every other that is alone waiting."""
        with self._writer.begin() as connection:
            if alone:
                connection.execute(self._lock)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads and sees one moment."""
        with self._reader.begin() as connection:
            yield connection

    def sentence(self, error: Exception) -> Refused:
        """What went wrong with the server, for a person."""
        cause = cause_of(error)
        said = str(getattr(error, "orig", None) or error)
        if "lock timeout" in said or "QueuePool limit" in said:
            return refuse(f"{self.name} is in use by another process.", hint="Wait a moment and try again.")
        if "password" in said or "authentication" in said:
            return refuse(
                f"The server at {server_of(self._address)} does not let {self._address.username or 'you'} in: {_last(said)}.",
                hint="Put the password into ~/.pgpass, or into a file named by PGPASSFILE.",
            )
        if "does not exist" in said and "database" in said:
            return refuse(
                f"There is no database {self._address.database} on {server_of(self._address)}.",
                hint=f"Make it there: createdb --encoding=UTF8 {self._address.database}",
            )
        if any(word in said for word in ("connect", "terminat", "closed", "resolve", "shutting down", "starting up")):
            return refuse(
                f"The database server at {server_of(self._address)} cannot be reached: {_last(said)}.",
                hint="See that it runs and that this machine may reach it.",
            )
        if isinstance(error, ProgrammingError):
            return refuse(
                f"{self.name} is not a store of runs, or may not be used: {cause}.", hint="Ask who looks after it."
            )
        if isinstance(error, SQLAlchemyError):
            return refuse(f"{self.name} cannot be used: {cause}.", hint="See the server's log.")
        return refuse(f"A part of {self.name} is damaged ({cause}).", hint="Restore the database from a backup.")

    def insert(self, table: Table) -> Any:
        """An insert in PostgreSQL's words."""
        return insert(table)

    def spool_file(self, run_id: int, attempt: int) -> Path:
        """On this machine: another one that takes the run up goes on from what the database has."""
        return self.files / "waiting" / f"run{run_id}.{this_host()}.{attempt}.spool"

    def fold(self) -> None:
        """The server tidies up by itself."""

    def make_durable(self) -> None:
        """Every commit is, unless the server's administrator has chosen otherwise."""

    def flush_to_disk(self) -> None:
        """A commit is on the server's disk when it returns."""

    def check(self) -> list[str]:
        """Every chunk of points against its checksum: the rest is the server's to check."""
        found = []
        with self.read() as connection:
            for row in connection.execute(select(chunk).order_by(chunk.c.id).execution_options(yield_per=500)):
                try:
                    points.unseal(row)
                except Refused:
                    found.append(f"chunk {row.id} of series {row.series_id} is damaged")
        return found

    def backup(self, path: Path) -> Path:
        """Raises Refused: the server's backups are its administrator's."""
        raise refuse(
            f"{self.name} is backed up where it is kept, not by the studio.",
            hint=f"There: pg_dump --format=custom --file={path.name} {self._address.database}",
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._reader.dispose()
        self._writer.dispose()

    # Opening

    def _prepare(self) -> Problem | None:
        """Make a new database's tables, or bring old ones up to date, in one transaction while nobody else does."""
        try:
            with self._writer.begin() as connection:
                connection.execute(self._lock)
                self._want_text_in_unicode(connection)
                return self._made(connection, self._version(connection))
        except Refused:
            raise
        except UNREADABLE as error:
            raise self.sentence(error) from error

    def _made(self, connection: Connection, version: int | None) -> Problem | None:
        if version is None:
            migrate.create_tables(connection)
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{OURS}'")
        elif version > SCHEMA_VERSION:
            self.newer = True
            return _warning(
                f"{self.name} was written by a newer Crossmodal Studio, so it is only read here.",
                "Update the studio, or choose another store.",
            )
        if not self._may_write(connection):
            return _warning(
                f"{self.name} is only read: {self._address.username or 'this user'} may not write there.",
                "Ask who looks after the database for the right to write.",
            )
        if version is not None and version < SCHEMA_VERSION:
            migrate.run_revisions(connection)
        return None

    def _version(self, connection: Connection) -> int | None:
        """The schema's version; None where the database is empty. Raises Refused where it is another program's."""
        if not connection.exec_driver_sql(_TABLES).scalar():
            return None
        if connection.exec_driver_sql(_MARK).scalar() != OURS:
            raise refuse(
                f"{self.name} is the database of another program.",
                hint="Make one for the studio alone: createdb --encoding=UTF8 runs",
            )
        return int(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())

    def _may_write(self, connection: Connection) -> bool:
        asked = "SELECT has_table_privilege('run', 'INSERT') AND has_table_privilege('run', 'UPDATE') AND NOT pg_is_in_recovery()"
        return bool(connection.exec_driver_sql(asked).scalar())

    def _want_text_in_unicode(self, connection: Connection) -> None:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise refuse(
                f"{self.name} keeps text as {encoding}; the names of runs need UTF8.",
                hint=f"Make another there: createdb --encoding=UTF8 --template=template0 {self._address.database}2",
            )


def _engine(address: URL, more: Mapping[str, str]) -> Engine:
    own = " ".join(f"-c {name}={value}" for name, value in {**SETTINGS, **more}.items())
    options = f"{address.query.get('options', '')} {own}".strip()
    given = {
        "connect_timeout": LONGEST_CONNECT_SECONDS, "application_name": "crossmodal-studio", "client_encoding": "utf8",
        "options": options, **ALIVE,
    }  # fmt: skip
    return create_engine(
        address, connect_args=given, poolclass=QueuePool, pool_size=2, max_overflow=14, pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True, hide_parameters=True,
    )  # fmt: skip


def _warning(what: str, hint: str) -> Problem:
    return Problem(what=what, hint=hint, severity="warning")


def _last(said: str) -> str:
    """The reason at the end of what libpq says: ``connection to server at "h", port 1 failed: Connection refused``."""
    line = said.strip().splitlines()[0]
    return line.rpartition("failed: ")[2].removeprefix("FATAL: ").strip().rstrip(".")
