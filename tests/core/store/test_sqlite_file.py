"""Of SQLite only: files that are new, old, newer, damaged, foreign or far away."""

from __future__ import annotations

import hashlib
import importlib
import random
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from core.problems import Refused
from core.store import filesystems, folders, migrate
from core.store.database import Store
from core.store.library import Library
from core.store.lock import Busy, FileLock
from core.store.schema import APPLICATION_ID, REVISION, SCHEMA_VERSION, metadata
from core.store.sweeps import Sweeps
from tests.core.store.said import scalars


def filled(path: Path, steps: int = 3000) -> str:
    with Store.open(path) as store:
        library = Library(store)
        uid = library.create_run("a run", '{"id": "d", "name": "drawing"}').uid
        recorder = library.recorder(uid)
        for step in range(steps):
            recorder.say(scalars(step))
        assert recorder.close()
    return uid


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [1, 2, 99, 600])
def test_a_small_file_of_another_kind_is_not_written_over(tmp_path: Path, size: int) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x" * size)
    with pytest.raises(Refused, match="not a store of runs"):
        Store.open(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == b"x" * size


def test_a_circle_of_links_and_a_name_that_is_no_text_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "round.db").symlink_to(tmp_path / "round.db")
    with pytest.raises(Refused, match="leads nowhere"):
        Store.open(tmp_path / "round.db")
    with pytest.raises(Refused, match="not UTF-8"):
        Store.open(tmp_path / "a\udce9.db")


def test_without_a_place_it_lies_with_the_persons_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(folders, "user_data_dir", lambda *a, **k: str(tmp_path / "data"))
    with Store.open() as store:
        assert store.path == tmp_path / "data" / "runs.db"


def test_how_it_is_opened(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        how_it_is_opened(store)


def how_it_is_opened(store: Store) -> None:
    with store.write() as connection:
        asked = ("journal_mode", "busy_timeout", "foreign_keys", "trusted_schema", "wal_autocheckpoint")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert found == ["wal", 10_000, 1, 0, 0]
        assert connection.exec_driver_sql("PRAGMA application_id").scalar() == APPLICATION_ID
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == SCHEMA_VERSION
    with store.read() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM run")


@pytest.mark.parametrize("where", ["mysql://host/db", ":memory:", "sqlite:///", "a\0b"])
def test_places_that_are_no_files_are_refused(where: str) -> None:
    with pytest.raises(Refused):
        Store.open(where)


def test_a_folder_and_a_place_without_rights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is a folder"):
        Store.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused, match="cannot be used"):
        Store.open(tmp_path / "file" / "runs.db")


def test_a_truncated_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path, whole = tmp_path / "runs.db", None
    filled(path)
    whole = path.read_bytes()
    moments, refused = random.Random(1), 0
    for _ in range(30):
        path.write_bytes(whole[: moments.randrange(1, len(whole))])
        refused += not opens_or_refuses(path)
    assert refused > 25


def test_random_bytes_in_the_file_never_give_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    filled(path)
    whole, moments = path.read_bytes(), random.Random(2)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[moments.randrange(len(damaged))] = moments.randrange(256)
        path.write_bytes(damaged)
        opens_or_refuses(path)
    path.write_bytes(random.Random(3).randbytes(50_000))
    assert not opens_or_refuses(path)


def opens_or_refuses(path: Path) -> bool:
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    said = ""
    try:
        with Store.open(path) as store:
            library = Library(store)
            for facts in library.runs():
                library.reader(facts.uid).curve("loss")
                library.reader(facts.uid).marks()
    except Refused as refused:
        said = str(refused)
    assert "\n" not in said
    assert "Traceback" not in said
    return not said


def test_text_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    filled(path, 5)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE run SET name = CAST(x'ff80fe' AS TEXT)")
    connection.commit()
    connection.close()
    assert not opens_or_refuses(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photo (id)")
    connection.commit()
    connection.close()
    before = hash_of(path)
    with pytest.raises(Refused, match="another program"):
        Store.open(path)
    assert hash_of(path) == before


def test_a_newer_file_is_read_and_never_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    uid = filled(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=9999")
    connection.execute("ALTER TABLE run ADD COLUMN future TEXT")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = hash_of(path)
    with Store.open(path) as store:
        library = Library(store)
        assert library.facts(uid).name == "a run"
        assert library.reader(uid).curve("loss").count == 3000
        for act in (
            lambda: library.rename(uid, "x"),
            lambda: library.create_run("x", ""),
            lambda: library.recorder(uid),
        ):
            with pytest.raises(Refused, match="newer Crossmodal Studio"):
                act()
    assert hash_of(path) == before


OLDER = """
revision = "0000"
down_revision = None
from alembic import op
def upgrade(): pass
"""
NEXT = """
revision = "9999"
down_revision = "{before}"
from alembic import op
import sqlalchemy as sa
def upgrade():
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("mood", sa.Text(), nullable=False, server_default="calm"))
    {more}
"""


def scripts(folder: Path, more: str = "pass") -> Path:
    (folder / "versions").mkdir(parents=True)
    for file in (migrate.SCRIPTS / "env.py", *(migrate.SCRIPTS / "versions").glob("r*.py")):
        (folder / file.relative_to(migrate.SCRIPTS)).write_bytes(file.read_bytes())
    (folder / "versions" / "r9999_mood.py").write_text(NEXT.format(more=more, before=REVISION))
    return folder


def test_an_old_file_is_backed_up_and_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    filled(path)
    kept = migrate.upgrade(path, SCHEMA_VERSION, scripts(tmp_path / "scripts"), target=9999)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name, mood FROM run").fetchall() == [("a run", "calm")]
    assert connection.execute("PRAGMA user_version").fetchone() == (9999,)
    assert connection.execute("SELECT count(*) FROM chunk").fetchone()[0] > 0
    connection.close()
    with Store.open(kept) as store:
        assert len(Library(store).runs()) == 1


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    uid = filled(path)
    with pytest.raises(Exception, match="nowhere"):
        migrate.upgrade(
            path, SCHEMA_VERSION, scripts(tmp_path / "scripts", 'op.execute("SELECT * FROM nowhere")'), target=9999
        )
    with Store.open(path) as store:
        assert not store.newer
        assert Library(store).reader(uid).curve("loss").count == 3000


def first_release(path: Path) -> None:
    """A store as the first release left it: its tables only, with one run."""
    revision = importlib.import_module("core.store.migrations.versions.r0001_first")
    connection = sqlite3.connect(path)
    for statement in revision.TABLES:
        connection.execute(statement)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA user_version=1")
    names = [row[1] for row in connection.execute("PRAGMA table_info(run)") if row[3] and row[1] != "id"]
    values = ["an old run" if name == "name" else 0 for name in names]
    connection.execute(f"INSERT INTO run ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)
    connection.commit()
    connection.close()


def test_a_store_of_the_first_release_gets_the_tables_of_sweeps_and_judgements(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first_release(path)
    with Store.open(path) as store:
        assert not store.newer
        assert [facts.name for facts in Library(store).runs()] == ["an old run"]
        with store.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM trial").scalar() == 0
            assert connection.exec_driver_sql("SELECT count(*) FROM pair_mark").scalar() == 0
            assert connection.exec_driver_sql("PRAGMA user_version").scalar() == SCHEMA_VERSION
    kept = list((tmp_path / "backups").glob("runs-version-1-*.db"))
    assert len(kept) == 1
    connection = sqlite3.connect(kept[0])
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_store_in_the_words_of_version_5_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its trials keep their configurations, and what runs are compared by says callbacks and diagnostics."""
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        uid = (
            Library(store)
            .create_run("a run", "{}", params={"callbacks.ema.decay": 0.5, "diagnostics.x": True, "habit": 1})
            .uid
        )
        Sweeps(store).create("a sweep", "{}", ['{"name": "a"}'], [0])
    connection = sqlite3.connect(path)
    connection.executescript(
        "ALTER TABLE trial RENAME COLUMN configuration TO arm; UPDATE alembic_version SET version_num='0005';"
        "UPDATE param SET name=replace(replace(name, 'callbacks.', 'habits.'), 'diagnostics.', 'probes.');"
        "DROP TABLE media; PRAGMA user_version=5;"
        "ALTER TABLE run DROP COLUMN attempt; ALTER TABLE sweep DROP COLUMN host; ALTER TABLE sweep DROP COLUMN heartbeat;"
        "ALTER TABLE trial DROP COLUMN host; ALTER TABLE trial DROP COLUMN heartbeat"
    )
    connection.close()
    with Store.open(path) as store:
        assert Library(store).params(uid) == {"callbacks.ema.decay": 0.5, "diagnostics.x": True, "habit": 1}
        with store.read() as reading:
            assert reading.exec_driver_sql("SELECT configuration FROM trial").scalar() == '{"name": "a"}'
            assert reading.exec_driver_sql("PRAGMA user_version").scalar() == SCHEMA_VERSION


def test_revisions_give_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    sqlite3.connect(path).close()
    migrate.upgrade(path, 0)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    with Store.open(path) as store:
        assert Library(store).create_run("made by revisions", "{}").id == 1


def test_a_network_file_system_gets_no_log_and_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(filesystems, "kind_of", lambda path: "nfs4")
    with Store.open(tmp_path / "runs.db") as store:
        assert "network file system (nfs4)" in store.warnings[0].what
        with store.write() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        uid = Library(store).create_run("far away", "{}").uid
        recorder = Library(store).recorder(uid)
        recorder.say(scalars(1))
        assert recorder.close()


def test_a_local_disk_is_known_as_such(tmp_path: Path) -> None:
    assert not filesystems.is_remote(tmp_path)


def test_a_lock_file_that_was_deleted_still_keeps_two_writers_apart(tmp_path: Path) -> None:
    """Someone tidies the folder while two processes have it open: both must then lock the file of that name now."""
    path = tmp_path / "runs.db.lock"
    one, other = FileLock(path, seconds=0.05), FileLock(path, seconds=0.05)
    with one:
        pass
    path.unlink()
    with other, pytest.raises(Busy), one:
        pass
    with one, pytest.raises(Busy), other:
        pass
    one.close()
    other.close()
