"""Nothing that goes wrong with the disk loses what a run says, stops it or makes it wait."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from core.store import recorder as recording
from core.store.database import Store
from core.store.library import Library
from core.store.writing import Writing
from core.telemetry.events import AttentionMap, LogLine, Scalars, StatusChange
from tests.core.store.said import at, scalars


def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    waiting = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        waiting.wait(0.01)


def test_a_reader_sees_every_point_exactly_once_while_it_is_written(library: Library) -> None:
    uid = library.create_run("live", "{}").uid
    recorder = library.recorder(uid, seconds_between_flushes=0.002)
    reader, seen, looks = library.reader(uid), [], 0
    done = threading.Event()

    def say() -> None:
        for step in range(8000):
            recorder.say(scalars(step, loss=float(step)))
            if step % 50 == 0:
                time.sleep(0.001)  # the run's own work
        done.set()

    speaker = threading.Thread(target=say)
    speaker.start()
    while not done.is_set():
        steps, values = reader.points("loss")
        np.testing.assert_array_equal(steps, np.arange(len(steps)))  # no gap, no twin
        np.testing.assert_array_equal(values, steps)
        seen.append(len(steps))
        looks += 1
    speaker.join()
    assert recorder.close()
    assert seen == sorted(seen)
    assert len(set(seen)) > 5, f"{looks} looks saw only {set(seen)}"
    assert len(reader.points("loss")[0]) == 8000


def test_saying_takes_microseconds(library: Library) -> None:
    recorder = library.recorder(library.create_run("fast", "{}").uid)
    event = scalars(1)
    start = time.perf_counter()
    for _ in range(20_000):
        recorder.say(event)
    assert (time.perf_counter() - start) / 20_000 < 50e-6
    assert recorder.close(30)


class Full:
    """The disk is full from the k-th transaction on, until it is not."""

    def __init__(self, patch: pytest.MonkeyPatch, after: int) -> None:
        self.after, self.writes, self.is_full, self.failures = after, 0, True, 0
        honest = Writing._write_head

        def write_head(writing: Writing, *rest: object) -> None:
            self.writes += 1
            if self.is_full and self.writes > self.after:
                self.failures += 1
                raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
            honest(writing, *rest)  # type: ignore[arg-type]

        patch.setattr(Writing, "_write_head", write_head)
        patch.setattr(recording, "SECONDS_BETWEEN_RETRIES", 0.01)


@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_a_full_disk_loses_nothing(library: Library, monkeypatch: pytest.MonkeyPatch, k: int) -> None:
    uid = library.create_run("full", "{}").uid
    full, told = Full(monkeypatch, after=k), []
    recorder = library.recorder(uid, on_problem=told.append, seconds_between_flushes=0.002)
    for step in range(3000):
        recorder.say(scalars(step, loss=float(step)))
        if step % 300 == 0:
            recorder.say(LogLine(at=at(step), text=f"at {step}"))
            time.sleep(0.004)
    until(lambda: full.failures > 2)
    assert recorder.is_failing
    full.is_full = False
    assert recorder.close()
    reader = library.reader(uid)
    assert reader.points("loss")[0].tolist() == list(range(3000))
    assert [line.text for line in reader.log()] == [f"at {step}" for step in range(0, 3000, 300)]
    assert [problem.severity for problem in told] == ["warning", "hint"]
    assert "the disk is full" in told[0].what


def test_what_memory_should_not_hold_goes_to_the_spool_file_in_order(
    library: Library, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = library.create_run("spooled", "{}").uid
    full = Full(monkeypatch, after=0)
    monkeypatch.setattr(recording, "MOST_EVENTS_IN_MEMORY", 100)
    recorder = library.recorder(uid, seconds_between_flushes=0.002)
    spool = store.spool_file(library.facts(uid).id, 1)
    weights = np.full((1, 2, 3, 3), 1 / 3, dtype=np.float16)
    recorder.say(scalars(0, loss=0.0))
    until(lambda: recorder.is_failing)
    for step in range(1, 2500):
        recorder.say(scalars(step, loss=float("nan") if step == 77 else float(step)))
        if step % 100 == 0:
            recorder.say(LogLine(at=at(step), text=f"at {step} 日"))
            recorder.say(AttentionMap(at=at(step), series="a", weights=weights, queries={"kind": "words"}, keys={}))
    until(lambda: spool.exists() and spool.stat().st_size > 10_000)
    recorder.say(StatusChange(at=at(2500), status="finished"))
    full.is_full = False
    until(lambda: recorder.flush(1))
    assert recorder.close()
    assert not spool.exists()
    reader = library.reader(uid)
    steps, values = reader.points("loss")
    assert steps.tolist() == list(range(2500))
    assert np.isnan(values[77])
    assert [line.text for line in reader.log()] == [f"at {step} 日" for step in range(100, 2500, 100)]
    assert reader.snapshot_steps("a") == list(range(100, 2500, 100))
    assert reader.head().status == "finished"


def test_a_run_that_ends_on_a_full_disk_is_whole_when_it_is_opened_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = library.create_run("ends", "{}").uid
    full = Full(monkeypatch, after=0)
    recorder = library.recorder(uid)
    for step in range(500):
        recorder.say(scalars(step, loss=float(step)))
    recorder.say(StatusChange(at=at(500), status="finished"))
    assert not recorder.close()
    assert "waits in" in recorder.problems[-1].what
    assert len(library.reader(uid).points("loss")[0]) == 0
    full.is_full = False
    again = library.recorder(uid)
    assert again.close()
    assert library.reader(uid).points("loss")[0].tolist() == list(range(500))
    assert library.facts(uid).status == "finished"


def test_a_torn_spool_file_gives_what_is_whole(library: Library, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = library.create_run("torn", "{}").uid
    full = Full(monkeypatch, after=0)
    recorder = library.recorder(uid)
    for step in range(50):
        recorder.say(scalars(step, loss=float(step)))
    assert not recorder.close()
    spool = store.spool_file(library.facts(uid).id, 1)
    spool.write_bytes(spool.read_bytes()[:-20])
    full.is_full = False
    again = library.recorder(uid)
    again.say(scalars(60, loss=60.0))
    assert again.close()
    assert library.reader(uid).points("loss")[0].tolist() == [*range(49), 60]


HOLDERS = {
    "the studio": """
import sys, time
from sqlalchemy import update
from core.store.database import Store
from core.store.schema import run
with Store.open(sys.argv[1]) as store, store.write() as connection:
    connection.execute(update(run).values(notes="held"))
    print("held", flush=True); time.sleep(3)
""",
    "another program": """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1].removeprefix("sqlite:///"), isolation_level=None); c.execute('BEGIN IMMEDIATE')
print('held', flush=True); time.sleep(3); c.execute('ROLLBACK')
""",
}


@pytest.mark.parametrize("who", HOLDERS)
def test_a_lock_held_by_another_process_loses_nothing(library: Library, store: Store, who: str) -> None:
    if who == "another program" and not store.is_file:
        pytest.skip("another program that writes a file is SQLite's business")
    hold = HOLDERS[who]
    uid = library.create_run("locked", "{}").uid
    recorder = library.recorder(uid)
    other = subprocess.Popen([sys.executable, "-c", hold, store.url], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    longest, step = 0.0, 0
    while other.poll() is None:
        start = time.perf_counter()
        recorder.say(scalars(step, loss=float(step)))
        longest = max(longest, time.perf_counter() - start)
        step += 1
        time.sleep(0.001)
    other.stdout.close()
    assert recorder.close(20)
    assert step > 100
    assert library.reader(uid).points("loss")[0].tolist() == list(range(step))
    assert longest < 0.5


def test_an_event_that_makes_no_sense_is_said_and_holds_up_nothing(library: Library) -> None:
    uid = library.create_run("odd", "{}").uid
    recorder = library.recorder(uid)
    recorder.say(scalars(1, loss=1.0))
    recorder.say(Scalars(at=at(2), values={"loss": "not a number"}))  # type: ignore[dict-item]
    recorder.say(scalars(2**80, loss=1.0))
    recorder.say("nonsense")  # type: ignore[arg-type]
    recorder.say(AttentionMap(at=at(3), series="a", weights=np.zeros(3, np.float16), queries={}, keys={}))
    recorder.say(scalars(4, loss=4.0))
    assert recorder.close()
    assert library.reader(uid).points("loss")[0].tolist() == [1, 4]
    assert len(recorder.problems) == 4


def test_a_listener_of_problems_that_fails_does_not_end_the_recording(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(problem: object) -> None:
        raise RuntimeError("a monitor broke")

    full = Full(monkeypatch, after=0)
    uid = library.create_run("listener", "{}").uid
    recorder = library.recorder(uid, on_problem=fail, seconds_between_flushes=0.002)
    recorder.say(scalars(1))
    until(lambda: full.failures > 1)
    full.is_full = False
    assert recorder.close()
    assert len(library.reader(uid).points("loss")[0]) == 1


def test_durable_has_every_step_in_the_store_when_say_returns(library: Library) -> None:
    uid = library.create_run("durable", "{}").uid
    recorder, reader = library.recorder(uid, durable=True), library.reader(uid)
    for step in range(20):
        recorder.say(scalars(step))
        assert reader.head().step == step
        assert len(reader.points("loss")[0]) == step + 1
    assert recorder.close()


def test_idle_means_nothing_new(library: Library) -> None:
    uid = library.create_run("idle", "{}").uid
    recorder, reader = library.recorder(uid), library.reader(uid)
    recorder.say(scalars(1))
    assert recorder.flush()
    revision = reader.head().revision
    assert recorder.flush()
    assert recorder.flush()
    assert reader.head().revision == revision
    recorder.say(scalars(2))
    assert recorder.close()
    assert reader.head().revision > revision


def test_a_disk_that_refuses_larger_files_loses_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a child: real write errors from SQLite, then room again."""
    pytest.importorskip("resource")
    script = """
import resource, signal, sys
from core.store.database import Store
from core.store.library import Library
from tests.core.store.said import scalars
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
library = Library(Store.open(sys.argv[1]))
uid = library.create_run("small disk", "{}").uid
recorder = library.recorder(uid)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
for step in range(20_000):
    recorder.say(scalars(step, loss=float(step)))
recorder.flush(1.5)
assert recorder.is_failing, "the disk was never full"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert recorder.close(20), recorder.problems
assert library.reader(uid).points("loss")[0].tolist() == list(range(20_000))
assert library.store.check() == []
library.store.close()
"""
    child = [sys.executable, "-c", script, str(tmp_path / "runs.db")]
    done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
