"""A failing disk is one kind of error whoever says it, and what was said survives a kill while nothing can be written."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import psutil
import pytest
import torch
from safetensors import SafetensorError
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from core.problems import Refused
from core.store.checkpoints import UNFINISHED, CheckpointFolder
from core.store.database import Store
from core.store.faults import cause_of, is_storage_fault
from core.store.library import Library
from core.store.liveness import this_process
from core.store.spool import Spool
from core.telemetry.events import LogLine
from tests.core.store.said import at, scalars
from tests.core.store.test_checkpoints import tensors
from tests.core.store.test_recorder import Full, until

FULL = sqlite3.OperationalError("database or disk is full")
DISK = {
    "sqlite3": FULL,
    "SQLAlchemy": OperationalError("INSERT", {}, FULL),
    "the system": OSError(errno.ENOSPC, "No space left on device"),
    "safetensors": SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
}


@pytest.mark.parametrize("who", DISK)
def test_a_full_disk_is_one_kind(who: str) -> None:
    assert is_storage_fault(DISK[who])
    assert cause_of(DISK[who]) == "the disk is full"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
def test_what_torch_says_of_a_full_disk_is_of_that_kind() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.save({"w": torch.zeros(100_000)}, "/dev/full")
    assert is_storage_fault(caught.value)


def test_what_is_wrong_with_an_event_is_not_of_that_kind() -> None:
    assert not is_storage_fault(IntegrityError("INSERT", {}, sqlite3.IntegrityError("NOT NULL constraint failed")))
    assert not is_storage_fault(RuntimeError("CUDA out of memory"))
    assert is_storage_fault(DatabaseError("INSERT", {}, sqlite3.DatabaseError("database disk image is malformed")))


def test_a_full_disk_while_the_log_of_a_file_is_folded_ends_no_thread(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.is_file:
        pytest.skip("only a file has a log to fold")

    def full(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(store._holder, "fold_log", full)
    monkeypatch.setattr("core.store.engines.sqlite.WAL_BYTES", -1)
    recorder = library.recorder(library.create_run("r", "{}").uid)
    recorder.say(scalars(1))
    assert recorder.flush()
    recorder.say(scalars(2))
    assert recorder.close()


def test_an_error_that_nobody_foresaw_is_told_and_tried_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, told = library.create_run("r", "{}").uid, []
    monkeypatch.setattr("core.store.recorder.SECONDS_BETWEEN_RETRIES", 0.01)
    recorder = library.recorder(uid, on_problem=lambda problem: told.append(problem.severity))
    honest = recorder._take

    def broken() -> bool:
        raise ZeroDivisionError

    recorder._take = broken  # type: ignore[method-assign]
    recorder.say(scalars(1))
    until(lambda: told == ["warning"])
    recorder._take = honest  # type: ignore[method-assign]
    assert recorder.flush()
    assert recorder.close()
    assert told == ["warning", "hint"]
    assert library.reader(uid).points("loss")[0].tolist() == [1]


def test_before_a_checkpoint_what_waits_goes_where_no_kill_takes_it(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = library.create_run("r", "{}").uid
    full = Full(monkeypatch, after=0)
    recorder = library.recorder(uid, seconds_between_flushes=0.002)
    for step in range(50):
        recorder.say(scalars(step))
    recorder.say(LogLine(at=at(50), text="last"))
    assert recorder.secure()
    spool = Spool(store.spool_file(library.facts(uid).id, 1))
    waiting = spool.take(1000)  # as the next process would find it after a kill
    assert [event.at.step for event in waiting] == list(range(51))
    recorder.say(scalars(51))
    full.is_full = False
    until(lambda: recorder.flush(1))
    assert recorder.close()
    assert library.reader(uid).points("loss")[0].tolist() == [*range(50), 51]
    assert [line.text for line in library.reader(uid).log()] == ["last"]


@pytest.mark.parametrize("error", [DISK["safetensors"], DISK["the system"]])
def test_a_full_disk_at_the_first_checkpoint_is_a_sentence(tmp_path: Path, error: Exception) -> None:
    folder = CheckpointFolder(tmp_path / "not" / "there")

    def write(_: Path) -> None:
        raise error

    with pytest.raises(Refused, match="The disk is full: the checkpoint was not written"):
        folder.save(1, write, {})
    assert folder.all() == []
    assert list(folder.path.iterdir()) == []


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    parent = psutil.Process().parent()
    assert parent is not None
    living = tmp_path / f"{UNFINISHED}{parent.pid}.{parent.create_time():.0f}-000000009"
    reused = tmp_path / f"{UNFINISHED}{parent.pid}.17-000000009"
    own = tmp_path / f"{UNFINISHED}{this_process()[0]}.17-000000009"
    for path in (living, reused, own, tmp_path / f"{UNFINISHED}999999-000000008"):
        path.mkdir()
    folder.save(1, tensors(1), {})
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(UNFINISHED)] == [living.name]


def test_one_that_had_stepped_aside_when_the_process_died_still_counts(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(3, tensors(1), {})
    (tmp_path / "step-000000003").rename(tmp_path / ".replaced-step-000000003")
    found = folder.newest()
    assert found is not None
    assert found.step == 3
    assert folder.has_one(3)
    assert not folder.has_one(2)
