"""The same run in a child process: it outlives its parent, obeys signals, and says what a thread says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from core.graph.file import write
from core.problems import Refused
from core.runs.execute import execute
from core.runs.worker import ask, start_process
from core.store.database import Store
from core.store.library import Library
from core.store.schema import run
from tests.core.runs.running import assert_time_goes_on, losses, queued, until
from tests.documents import tiny_clip

ROOT = Path(__file__).parents[3]
PARENT = """
import sys
from core.graph.file import read
from core.runs.launch import queue
from core.runs.worker import start_process
from core.store.database import Store
from core.store.library import Library
with Store.open(sys.argv[1]) as store:
    facts = queue(Library(store), read(sys.argv[2]), place="process")
    child = start_process(store, facts.uid)
    print(facts.uid, child.pid)
"""


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with Store.open(where) as opened:
        yield opened


def owner(store: Store, uid: str) -> int:
    with store.read() as connection:
        return int(connection.execute(select(run.c.process).where(run.c.uid == uid)).scalar_one())


def test_a_child_outlives_its_parent_and_says_what_a_thread_says(
    store: Store, library: Library, tmp_path: Path
) -> None:
    document = tiny_clip(steps=15, callbacks={"checkpointing": {"every": 5}})
    place = tmp_path / "drawn.cms.json"
    write(document, place)
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, store.url, str(place)],
        capture_output=True, text=True, check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    uid, number = parent.stdout.split()
    assert library.facts(uid).status in ("queued", "running"), "the parent is gone before the run is over"
    until(lambda: owner(store, uid) == int(number))  # before that its parent's number stands there
    assert library.mark_interrupted() == []
    child = psutil.Process(int(number))
    alone = queued(store, document)
    execute(store, alone)
    until(lambda: library.facts(uid).status == "finished")
    psutil.wait_procs([child], timeout=30)
    reader = library.reader(uid)
    assert losses(reader) == losses(library.reader(alone))
    assert_time_goes_on(reader)
    assert (store.files / "logs" / f"{uid}.log").read_text() == ""


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="SIGTERM ends a process at once there")
def test_a_child_obeys_commands_and_sigterm_keeps_a_checkpoint(store: Store, library: Library) -> None:
    uid = queued(store, tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}), place="process")
    child = start_process(store, uid)
    reader = library.reader(uid)
    until(lambda: reader.head().step > 0)
    ask(store, uid, "pause")
    until(lambda: reader.head().status == "paused")
    child.terminate()
    assert child.wait(30) == 0
    facts = library.facts(uid)
    assert facts.status == "stopped"
    assert [c.step for c in reader.checkpoints()] == [facts.step]


ELSEWHERE = """
import platform, sys
platform.node = lambda: "another-machine"
from core.runs import process
raise SystemExit(process.main(sys.argv[1:]))
"""


@pytest.mark.long
def test_a_run_of_another_machine_is_tailed_and_spoken_to_through_rows(store: Store, library: Library) -> None:
    uid = queued(store, tiny_clip(steps=100_000, callbacks={"checkpointing": {"every": 100_000}}))
    words = [store.url, uid, *([] if store.is_file else ["--files", str(store.files)])]
    child = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, *words], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    )
    reader = library.reader(uid)
    until(lambda: reader.head().step > 3, 240)
    assert library.mark_interrupted() == []
    assert library.facts(uid).status == "running"
    assert "on another-machine already" in str(library.owner_refusal(uid))
    seen = len(reader.points("loss")[0])
    until(lambda: len(reader.points("loss")[0]) > seen)
    ask(store, uid, "pause")
    until(lambda: reader.head().status == "paused")
    ask(store, uid, "rate", node="", learning_rate=1e-5)
    ask(store, uid, "checkpoint")
    ask(store, uid, "resume")
    until(lambda: len(reader.checkpoints()) == 1)
    until(lambda: any(mark.data.get("rate") == 1e-5 for mark in reader.marks()))
    ask(store, uid, "stop")
    assert child.wait(60) == 0
    child.communicate()
    assert library.facts(uid).status == "stopped"
    assert reader.points("loss")[0].tolist() == list(range(1, reader.head().step + 1))


def test_a_child_that_has_no_run_is_not_begun(store: Store) -> None:
    with pytest.raises(Refused, match="There is no run '260101-0000000000'"):
        start_process(store, "260101-0000000000")
    assert not (store.files / "logs").exists()
