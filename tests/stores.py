"""Where the stores of tests lie: in a file, and, where PostgreSQL is installed, in a database of a server of the tests' own.

The server is Debian's (apt-get install postgresql), started once for all tests of a process on a socket in a folder of its
own, never on a port, and it trusts whoever may open that folder. As root it runs as another user, as PostgreSQL wants.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NEEDED = ("initdb", "pg_ctl", "postgres")
USER = "studio"
_numbers = itertools.count()


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    beside = [Path(where).resolve().parent for where in [shutil.which("initdb")] if where]
    return next((folder for folder in [*found, *beside] if all((folder / name).exists() for name in NEEDED)), None)


def why_not() -> str:
    """Why there is no server here; empty where there can be one."""
    if find_spec("psycopg") is None:
        return 'psycopg is not installed (pip install "psycopg[binary]")'
    return "" if binaries() else "PostgreSQL is not installed (apt-get install postgresql)"


class Server:
    """One server; stop and start are as a machine that goes down and comes back."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cms-pg-"))
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            other = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
            entry = pwd.getpwnam(other)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        folder = binaries()
        assert folder is not None
        with (self.folder.parent / f"{self.folder.name}.out").open("ab") as out:
            done = subprocess.run(
                [str(folder / program), *words], cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60,
                check=False, **self._as,
            )  # fmt: skip
        assert done.returncode == 0, Path(out.name).read_text()

    def start(self) -> None:
        """Up, and ready."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-s",
            "-l",
            str(self.folder / "log"),
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        """Down at once, as after a crash: nothing is said to whoever is connected."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        """Of a database."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = f"runs{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Something that the studio itself never does."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        """Down, and its folder gone."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder.parent / f"{self.folder.name}.out").unlink(missing_ok=True)


def a_server() -> Iterator[Server]:
    """One, or a reason to skip."""
    if reason := why_not():
        pytest.skip(reason)
    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    yield from a_server()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """The server of all tests; nobody stops it."""
    found: Server = request.getfixturevalue("_server")
    return found


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that this test may stop."""
    yield from a_server()


def _where(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return str(folder / "runs.db")
    found: Server = request.getfixturevalue("server")
    return found.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A path or a URL at which no store is yet: what runs with this runs on both engines."""
    return _where(request, tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def slow_where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same for what trains: on PostgreSQL after the everyday suite."""
    return _where(request, tmp_path)
