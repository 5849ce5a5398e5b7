"""Of PostgreSQL only: URLs, passwords that nobody reads, rights, old and newer databases, a server that goes away and comes back."""

from __future__ import annotations

import importlib
import re
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, update

from core.problems import Refused
from core.store import database, migrate
from core.store.database import Store
from core.store.engines import postgresql
from core.store.engines.postgresql import address_of, files_of
from core.store.library import Library
from core.store.migrations.forms import in_words_of
from core.store.schema import SCHEMA_VERSION, chunk, metadata
from tests.core.store.said import at, scalars
from tests.core.store.test_recorder import until
from tests.core.store.test_sqlite_file import scripts
from tests.stores import Server, why_not

NOWHERE = "postgresql+psycopg://ada:geheim@127.0.0.1:1/runs"
needs_psycopg = pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="psycopg is not installed")


def name_of(url: str) -> str:
    return re.split(r"[/?]", url)[3]


@needs_psycopg
@pytest.mark.parametrize(
    "url", [NOWHERE, "postgresql://ada@127.0.0.1:1/runs?password=geheim", "postgres://127.0.0.1:1/x"]
)
def test_a_server_that_is_gone_is_a_sentence_with_its_place_and_no_password(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Store.open(url)
    said = str(caught.value)
    assert "The database server at 127.0.0.1:1 cannot be reached: " in said
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "geheim" not in str(seen)
        seen = seen.__cause__


@pytest.mark.parametrize(
    "url", ["postgresql://", "postgresql://ada:geheim@host", "postgresql://ada:geheim@host:x/runs"]
)
def test_what_is_no_url_of_a_database_is_said_without_its_password(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Store.open(url)
    assert "geheim" not in str(caught.value)


def test_without_psycopg_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "find_spec", lambda _: None)
    with pytest.raises(Refused, match=r"psycopg.*pip install .*crossmodal-studio\[postgresql\]"):
        Store.open(NOWHERE)


def test_a_folder_for_files_is_not_for_a_store_that_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="goes with a store by URL"):
        Store.open(tmp_path / "runs.db", files=tmp_path)


def test_every_store_has_a_folder_of_its_own_and_no_password_in_its_name() -> None:
    urls = ["postgresql://ada:geheim@one/runs", "postgresql://one/runs2", "postgresql://two/runs", "postgresql:///runs",
            "postgresql://one:6000/runs"]  # fmt: skip
    folders = [files_of(address_of(url), Path("/data")) for url in urls]
    assert len(set(folders)) == len(urls)
    assert folders[0].name.startswith("one-runs-")
    assert folders[0] == files_of(address_of("postgresql+psycopg://someone@one/runs"), Path("/data"))


def test_the_password_is_for_the_process_and_its_children_only(server: Server) -> None:
    url = server.new_database().replace("studio@", "studio:geheim@")
    with Store.open(url) as store:
        assert "geheim" not in f"{store.name} {store.place} {store.url} {store.files} {store!r}"
        assert "studio:***@" in store.place
        assert dict(store.environment) == {"PGPASSWORD": "geheim"}
        with pytest.raises(Refused, match="pg_dump") as caught:
            store.backup(Path("x.dump"))
        assert "geheim" not in str(caught.value)
        with pytest.raises(Refused, match="is no file"):
            assert store.path


def test_the_folder_for_files_is_named_or_of_its_own(server: Server, tmp_path: Path) -> None:
    url = server.new_database()
    with Store.open(url) as store, Store.open(url, files=tmp_path / "elsewhere") as other:
        assert store.files.parent == database.data_folder() / "stores"
        assert other.files == tmp_path / "elsewhere"
        uid = Library(store).create_run("seen by both", "{}").uid
        assert Library(other).facts(uid).name == "seen by both"


def test_there_must_be_a_database_and_it_must_be_the_studios(server: Server) -> None:
    with pytest.raises(Refused, match=r"There is no database nowhere .*createdb"):
        Store.open(server.url("nowhere"))
    url = server.new_database()
    server.sql("CREATE TABLE photo (id int)", name_of(url))
    with pytest.raises(Refused, match="database of another program"):
        Store.open(url)
    server.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    with pytest.raises(Refused, match="keeps text as SQL_ASCII"):
        Store.open(server.url("latin"))


def test_who_may_only_read_reads(server: Server) -> None:
    url = server.new_database()
    with Store.open(url) as store:
        uid = Library(store).create_run("r", "{}").uid
    server.sql("CREATE ROLE guest LOGIN")
    server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", name_of(url))
    with Store.open(url.replace("studio@", "guest@")) as store:
        library = Library(store)
        assert "only read: guest may not write there" in store.warnings[0].what
        assert library.facts(uid).name == "r"
        assert library.mark_interrupted() == []
        with pytest.raises(Refused, match="only read"):
            library.rename(uid, "x")
    server.sql("CREATE ROLE stranger LOGIN")
    with pytest.raises(Refused, match="may not be used"):
        Store.open(url.replace("studio@", "stranger@"))


def test_a_newer_database_is_read_and_never_written(server: Server) -> None:
    url = server.new_database()
    with Store.open(url) as store:
        uid = Library(store).create_run("r", "{}").uid
    server.sql("UPDATE alembic_version SET version_num = '9999'; ALTER TABLE run ADD COLUMN future text", name_of(url))
    with Store.open(url) as store:
        assert store.newer
        assert Library(store).facts(uid).name == "r"
        with pytest.raises(Refused, match="newer Crossmodal Studio"):
            Library(store).rename(uid, "x")


def of_revision_1(server: Server) -> str:
    """A database with the tables of the first revision only, and one run."""
    url = server.new_database()
    first = importlib.import_module("core.store.migrations.versions.r0001_first")
    for statement in first.TABLES:
        server.sql(in_words_of("postgresql", statement), name_of(url))
    server.sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)", name_of(url))
    server.sql(f"COMMENT ON TABLE alembic_version IS '{postgresql.OURS}'", name_of(url))
    server.sql("INSERT INTO alembic_version VALUES ('0001')", name_of(url))
    server.sql(
        "INSERT INTO run (uid, name, status, reason, created, step, seconds, epoch, samples, steps, seed, place, parent,"
        " parent_step, document_id, document_name, document_text, environment, notes, process, process_started, heartbeat,"
        " revision) VALUES ('u','an old run','finished','',0,0,0,0,0,0,0,'','',0,'','','','','',0,0,0,0)", name_of(url),
    )  # fmt: skip
    server.sql("INSERT INTO param VALUES (1, 'habits.ema', 1, '1')", name_of(url))
    return url


def test_an_old_database_is_brought_up_to_date_and_revisions_give_what_the_code_declares(server: Server) -> None:
    url = of_revision_1(server)
    with Store.open(url) as store:
        library = Library(store)
        assert [facts.name for facts in library.runs()] == ["an old run"]
        assert library.params("u") == {"callbacks.ema": 1}
        assert library.create_run("a new run", "{}").id == 2
        with store.read() as connection:
            assert (
                connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == f"{SCHEMA_VERSION:04}"
            )
    for opened in (url, made(server)):
        engine = create_engine(address_of(opened))
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        engine.dispose()


def made(server: Server) -> str:
    url = server.new_database()
    Store.open(url).close()
    return url


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = of_revision_1(server)
    broken = scripts(tmp_path / "scripts", 'op.execute("SELECT * FROM nowhere")')
    with monkeypatch.context() as patch:
        honest = migrate.run_revisions
        patch.setattr(migrate, "run_revisions", lambda connection: honest(connection, broken))
        with pytest.raises(Refused, match="nowhere"):
            Store.open(url)
    with Store.open(url) as store:
        assert Library(store).facts("u").name == "an old run"


def test_damage_in_the_rows_is_found(server: Server) -> None:
    with Store.open(server.new_database()) as store:
        library = Library(store)
        recorder = library.recorder(library.create_run("r", "{}").uid)
        for step in range(1100):
            recorder.say(scalars(step))
        assert recorder.close()
        assert store.check() == []
        with store.write() as connection:
            connection.execute(update(chunk).where(chunk.c.id == 1).values(data=b"x"))
        assert len(store.check()) == 1


def test_a_server_that_goes_away_and_comes_back_loses_nothing(own_server: Server) -> None:
    told = []
    with Store.open(own_server.new_database()) as store:
        library = Library(store)
        uid = library.create_run("r", "{}").uid
        claim = library.claim(uid)
        recorder = library.recorder(uid, on_problem=told.append, seconds_between_flushes=0.002)
        recorder.say(scalars(0))
        assert recorder.flush()
        own_server.stop()
        for step in range(1, 2000):
            recorder.say(scalars(step))
        until(lambda: recorder.is_failing)
        assert not recorder.flush(0.2)
        assert recorder.secure(), "what waits is in the spool file, beside a checkpoint"
        assert list(store.files.rglob("*.spool"))
        with pytest.raises(Refused, match="cannot be reached"):
            library.runs()
        recorder.say(scalars(2000))
        own_server.start()
        until(lambda: recorder.flush(1))
        assert recorder.close()
        claim.release()
        assert library.reader(uid).points("loss")[0].tolist() == list(range(2001))
        assert not list(store.files.rglob("*.spool"))
    assert [problem.severity for problem in told] == ["warning", "hint"]
    assert "cannot be written now" in told[0].what
    assert "Traceback" not in told[0].what


def test_what_waits_when_a_process_ends_is_taken_up_by_the_next_unless_another_machine_was_there(
    own_server: Server,
) -> None:
    with Store.open(own_server.new_database()) as store:
        library = Library(store)
        uids = [library.create_run(name, "{}").uid for name in "ab"]
        for uid in uids:
            recorder = library.recorder(uid)
            assert recorder.flush()
            own_server.stop()
            recorder.say(scalars(1, loss=1.0))
            until(lambda recorder=recorder: recorder.is_failing)
            assert not recorder.close()
            own_server.start()
        until(lambda: reached(library))
        with store.write() as connection:  # somewhere else the second was recorded meanwhile
            connection.exec_driver_sql(f"UPDATE run SET attempt = attempt + 1 WHERE uid = '{uids[1]}'")
        for uid, wanted in zip(uids, ([1], []), strict=True):
            assert library.recorder(uid).close()
            assert library.reader(uid).points("loss")[0].tolist() == wanted
        assert not list(store.files.rglob("*.spool"))


def reached(library: Library) -> bool:
    try:
        library.runs()
    except Refused:
        return False
    return True


def test_a_reader_goes_on_by_itself_when_the_server_is_back(own_server: Server) -> None:
    with Store.open(own_server.new_database()) as store:
        library = Library(store)
        uid = library.create_run("r", "{}").uid
        reader = library.reader(uid)
        assert reader.head().status == "queued"
        own_server.stop()
        own_server.start()
        assert reader.head().status == "queued"
        library.set_notes(uid, "written again")
        assert library.facts(uid).notes == "written again"


def test_a_recorder_does_not_wait_for_who_looks_before_he_writes(server: Server) -> None:
    """Who holds the store for himself, as a sweep's claim does, holds up no record."""
    with Store.open(server.new_database()) as store:
        library = Library(store)
        recorder = library.recorder(library.create_run("r", "{}").uid)
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with store.write():
                inside.set()
                leave.wait(30)

        holding = threading.Thread(target=hold)
        holding.start()
        assert inside.wait(30)
        recorder.say(scalars(1))
        assert recorder.flush()
        leave.set()
        holding.join()
        assert recorder.close()
        assert at(1).step == library.facts(library.runs()[0].uid).step


def test_the_reason_for_skipping_is_a_sentence() -> None:
    assert why_not() == "" or "install" in why_not()
