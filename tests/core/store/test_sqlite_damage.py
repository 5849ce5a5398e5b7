"""Stores that are damaged, or may not be written: read as far as that goes, never a traceback, and repaired into a new one."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from core.problems import Refused
from core.store import health
from core.store.database import Store
from core.store.library import Library
from core.store.repair import repair
from core.telemetry.events import Histogram, LogLine, Mark
from tests.core.store.said import at, scalars
from tests.core.store.test_sqlite_file import first_release

PAGE = 4096


def made(path: Path, runs: int = 3, steps: int = 2200) -> dict[str, int]:
    """A store with all that runs say; how many rows its tables have."""
    with Store.open(path) as store:
        library = Library(store)
        for n in range(runs):
            uid = library.create_run(f"run {n}", "{}", params={f"p{i}": i for i in range(20)}, tags=["a"]).uid
            recorder = library.recorder(uid)
            for step in range(steps):
                recorder.say(scalars(step, loss=1 / (step + 1), other=step / 3))
                if step % 100 == 0:
                    recorder.say(LogLine(at=at(step), text=f"line {step}"))
                    recorder.say(Mark(at=at(step), kind="note", text=f"mark {step}", data={"n": step}))
                    counts = np.arange(50, dtype=np.uint32)
                    recorder.say(Histogram(at=at(step), series="h", low=0, high=1, counts=counts))
            assert recorder.close(30)
    return rows_of(path)


def rows_of(path: Path) -> dict[str, int]:
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    connection.close()
    return {name: count for name, count in found.items() if name[0] != "s" or name in ("series", "snapshot", "sweep")}


def look(path: Path) -> str:
    """Open it and read everything: ``whole``, ``only read`` or the refusal's sentence."""
    try:
        with Store.open(path) as store:
            library = Library(store)
            library.mark_interrupted()
            for facts in library.runs():
                reader = library.reader(facts.uid)
                for read in (
                    reader.head, reader.marks, reader.log, reader.checkpoints, reader.series, reader.document_text,
                    lambda reader=reader: reader.curve("loss", axis="seconds"),
                    lambda reader=reader: reader.points("other"),
                    lambda reader=reader: reader.histogram_at("h", 500),
                    lambda reader=reader: reader.histogram_strip("h"),
                    lambda facts=facts: library.params(facts.uid), lambda facts=facts: library.environment(facts.uid),
                ):  # fmt: skip
                    try:
                        read()
                    except Refused as refused:
                        one_line(refused)
            return "whole" if store.is_writable else "only read"
    except Refused as refused:
        return one_line(refused)


def one_line(refused: Refused) -> str:
    assert "\n" not in str(refused)
    return str(refused)


def fails_its_own_check(path: Path) -> bool:
    try:
        connection = sqlite3.connect(path)
        try:
            return connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        finally:
            connection.close()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return True


def hurt(whole: bytes, kind: str, draw: random.Random) -> bytes:
    """The file, damaged in one of the ways that disks and cables have."""
    data = bytearray(whole)
    page = PAGE * draw.randrange(1, len(data) // PAGE)
    if kind == "truncated":
        return bytes(data[: draw.randrange(1, len(data))])
    if kind == "zeroed":
        data[page : page + PAGE] = bytes(PAGE)
    elif kind == "garbled":
        data[page : page + PAGE] = draw.randbytes(PAGE)
    elif kind == "header":
        data[draw.randrange(100)] = draw.randrange(256)
    else:
        for _ in range(8):
            data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


KINDS = ("truncated", "zeroed", "garbled", "header", "bytes")


def damage_once(folder: Path, whole: bytes, kind: str, draw: random.Random) -> tuple[str, float]:
    """What a person is told about one damaged file, and the rows that a repair kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path, data = folder / "runs.db", hurt(whole, kind, draw)
    path.write_bytes(data)
    damaged, said = fails_its_own_check(path), look(path)
    assert not (damaged and said == "whole"), "opened for writing although SQLite's own check fails"
    path.write_bytes(data)
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    new = folder / "new.db"
    try:
        kept = sum(each.rows for each in repair(path, new))
    except Refused as refused:
        return one_line(refused), 0.0
    assert path.read_bytes() == data, "the damaged file is left as it is"
    assert look(new) == "whole"
    return said, float(kept)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_gives_a_sentence_and_a_repair_keeps_what_is_whole(tmp_path: Path, kind: str) -> None:
    total = sum(made(tmp_path / "runs.db").values())
    whole, draw = (tmp_path / "runs.db").read_bytes(), random.Random(kind)
    kept = [damage_once(tmp_path / "hurt", whole, kind, draw)[1] / total for _ in range(6)]
    assert np.mean(kept) > (0.2 if kind == "truncated" else 0.9)


def test_a_page_that_is_torn_out_costs_its_own_rows_only(tmp_path: Path) -> None:
    path, new = tmp_path / "runs.db", tmp_path / "new.db"
    before = made(path)
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'mark'").fetchone()[0]
    connection.close()
    data = bytearray(path.read_bytes())
    data[PAGE * (page - 1) : PAGE * page] = bytes(PAGE)  # the root: no row can be reached through the tree
    path.write_bytes(data)
    found = {each.table: each for each in repair(path, new)}
    assert found["mark"].is_torn
    after = rows_of(new)
    assert {name: after[name] for name in before if name != "mark"} == {n: c for n, c in before.items() if n != "mark"}
    with Store.open(new) as store, Store.open(path) as old:
        assert not old.is_writable
        with pytest.raises(Refused, match=r"is damaged .* studio repair"):
            Library(old).create_run("x", "{}")
        for facts in Library(store).runs():
            np.testing.assert_array_equal(*(Library(one).reader(facts.uid).points("loss")[1] for one in (store, old)))


def test_a_repair_never_writes_over_anything(tmp_path: Path) -> None:
    made(tmp_path / "runs.db", runs=1, steps=3)
    for path, new, said in (
        ("runs.db", "runs.db", "is there already"), ("none.db", "new.db", "There is no file"), ("x", "new.db", "Nothing in x"),
    ):  # fmt: skip
        (tmp_path / "x").write_bytes(random.Random(1).randbytes(9000))
        with pytest.raises(Refused, match=said):
            repair(tmp_path / path, tmp_path / new)
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("log", [False, True])
def test_where_nothing_may_be_written_runs_are_listed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: bool
) -> None:
    first, folder = tmp_path / "first", tmp_path / "folder"
    folder.mkdir()
    with Store.open(first / "runs.db") as store:
        uid = Library(store).create_run("r", "{}").uid
        if log:  # what is still in the log, as after a kill
            for name in ("runs.db", "runs.db-wal"):
                shutil.copyfile(first / name, folder / name)
    if not log:
        shutil.copyfile(first / "runs.db", folder / "runs.db")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    monkeypatch.setattr(health, "may_write", lambda path: False)
    with Store.open(folder / "runs.db") as store:
        assert "is only read" in store.warnings[0].what
        assert [facts.uid for facts in Library(store).runs()] == [uid]
        assert Library(store).mark_interrupted() == []
        with pytest.raises(Refused, match="is only read"):
            Library(store).claim(uid)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_an_old_store_that_may_not_be_written_is_read_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_release(tmp_path / "runs.db")
    before = (tmp_path / "runs.db").read_bytes()
    monkeypatch.setattr(health, "may_write", lambda path: False)
    with Store.open(tmp_path / "runs.db") as store:
        assert [facts.name for facts in Library(store).runs()] == ["an old run"]
    assert (tmp_path / "runs.db").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["runs.db"]
