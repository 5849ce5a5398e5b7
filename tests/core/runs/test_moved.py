"""A store that was moved with its checkpoints goes on; one whose checkpoints are gone is refused and nothing is touched."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from core.compiler.teacher import checkpoint_of
from core.problems import Refused
from core.runs.execute import execute
from core.runs.worker import RunThread
from core.store.database import Store
from core.store.library import Library
from core.store.places import located
from core.store.schema import checkpoint
from core.training.control import Control, Rate
from tests.core.runs.running import losses, queued
from tests.documents import tiny_clip


class AfterOneStep(Control):
    """Asks for a stop at the first look after a step."""

    def take_rates(self) -> list[Rate]:
        self.stop()
        return super().take_rates()


def stopped(path: Path, steps: int = 8) -> str:
    """A run that was stopped at once, with a checkpoint after its first step; its uid."""
    with Store.open(path) as store:
        uid = queued(store, tiny_clip(steps=steps, callbacks={"checkpointing": {"every": 2}}))
        assert execute(store, uid, AfterOneStep()) == "stopped"
    return uid


def hashes(folder: Path) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file() and "runs.db" not in file.name]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def one(tmp_path: Path) -> tuple[Path, str]:
    return tmp_path / "one", stopped(tmp_path / "one" / "runs.db")


@pytest.mark.parametrize("absolute", [False, True])
def test_a_moved_store_goes_on_from_its_checkpoint(tmp_path: Path, one: tuple[Path, str], absolute: bool) -> None:
    folder, uid = one
    two = tmp_path / "two"
    shutil.move(folder, two)
    with Store.open(two / "runs.db") as store:
        library = Library(store)
        if absolute:  # as older versions kept it
            with store.write() as connection:
                connection.execute(update(checkpoint).values(path=str(folder) + "/" + checkpoint.c.path))
        (kept,) = library.reader(uid).checkpoints()
        assert kept.kept
        assert Path(kept.path).is_relative_to(two)
        start = library.start_of(uid)
        assert start is not None
        assert start.step == kept.step == 1
        before = losses(library.reader(uid))
        assert execute(store, uid) == "finished"
        assert losses(library.reader(uid))[:1] == before
        assert [step for step, _ in losses(library.reader(uid))] == list(range(1, 9))
        assert checkpoint_of(folder / "checkpoints" / uid).is_relative_to(two), "a teacher that another drawing names"
        fork = queued(store, tiny_clip(steps=8), parent=uid, parent_step=8)
        found = library.start_of(fork)
        assert found is not None
        assert Path(found.path).is_relative_to(two)


def test_without_its_checkpoints_it_is_refused_and_nothing_is_touched(tmp_path: Path, one: tuple[Path, str]) -> None:
    folder, uid = one
    away = tmp_path / "away"
    shutil.move(folder / "checkpoints", away)
    before = hashes(folder)
    with Store.open(folder / "runs.db") as store:
        library = Library(store)
        facts, said = library.facts(uid), losses(library.reader(uid))
        for act in (lambda: execute(store, uid), RunThread(store, uid).start, lambda: library.start_of(uid)):
            with pytest.raises(Refused, match="are missing: they should lie in"):
                act()
        assert (library.facts(uid), losses(library.reader(uid))) == (facts, said)
        assert hashes(folder) == before
        shutil.move(away, folder / "checkpoints")
        assert execute(store, uid) == "finished"


def test_where_a_path_is_looked_for(tmp_path: Path) -> None:
    assert located(tmp_path, "checkpoints/u/step-1") == tmp_path / "checkpoints" / "u" / "step-1"
    assert located(tmp_path, "/gone/checkpoints/u/step-1") == tmp_path / "checkpoints" / "u" / "step-1"
    assert located(tmp_path, "D:\\gone\\checkpoints\\u\\step-1") == tmp_path / "checkpoints" / "u" / "step-1"
    elsewhere = tmp_path / "mount" / "u" / "step-1"
    elsewhere.mkdir(parents=True)
    assert located(tmp_path / "home", str(elsewhere)) == elsewhere


def test_a_checkpoint_ahead_of_the_record_is_not_gone_on_from(one: tuple[Path, str]) -> None:
    folder, uid = one
    whole = folder / "checkpoints" / uid / "step-000000001"
    shutil.copytree(whole, whole.with_name("step-000000007"))
    with Store.open(folder / "runs.db") as store:
        start = Library(store).start_of(uid)
        assert start is not None
        assert start.step == 1


def test_an_older_copy_of_the_store_does_not_begin_anew_over_newer_checkpoints(one: tuple[Path, str]) -> None:
    """A backup from before the first checkpoint: from scratch, retention would remove what was learned since."""
    folder, uid = one
    with Store.open(folder / "runs.db") as store:
        with store.write() as connection:
            for table in ("checkpoint", "mark"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        whole = folder / "checkpoints" / uid / "step-000000001"
        whole.rename(whole.with_name("step-000000007"))
        before = hashes(folder)
        for act in (lambda: execute(store, uid), lambda: Library(store).start_of(uid)):
            with pytest.raises(Refused, match="ends at step 1, before the first of its checkpoints"):
                act()
        assert hashes(folder) == before


def test_a_checkpoint_whose_mark_was_lost_with_its_process_gets_it_back(one: tuple[Path, str]) -> None:
    folder, uid = one
    with Store.open(folder / "runs.db") as store:
        library = Library(store)
        with store.write() as connection:
            connection.exec_driver_sql("DELETE FROM checkpoint")
            connection.exec_driver_sql("DELETE FROM mark")
        assert execute(store, uid) == "finished"
        assert next(mark.step for mark in library.reader(uid).marks() if mark.kind == "checkpoint") == 1
        assert library.reader(uid).checkpoints()[0].step == 1


def test_data_that_changed_is_said_and_only_gone_on_with_when_a_person_knows(
    one: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, uid = one
    with Store.open(folder / "runs.db") as store:
        library = Library(store)
        library.add_params(uid, {"data fingerprint": "another"})
        said = losses(library.reader(uid))
        assert execute(store, uid) == "failed"
        assert "The data is not what this run began with" in library.facts(uid).reason
        assert losses(library.reader(uid)) == said
        assert execute(store, uid, data_changed=True) == "finished"
        assert any("data has changed" in mark.text for mark in library.reader(uid).marks())
