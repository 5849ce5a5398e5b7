"""Workers: each trial is one worker's, through kills, on one machine and on several; nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core.graph import edits
from core.graph.document import Document
from core.graph.file import dumps
from core.problems import Refused
from core.runs.launch import queue
from core.runs.sweeping import Work, begin_sweep
from core.runs.worker import STOPS, ask
from core.runs.working import WorkerThread
from core.store.answers import TrialFacts
from core.store.clock import store_now
from core.store.database import Store
from core.store.library import Library
from core.store.liveness import identity_of, this_host
from core.store.schema import run, sweep, trial
from core.store.sweeps import WORKER, Sweeps
from tests.core.runs.running import until
from tests.core.runs.test_sweeping import WORDS, document
from tests.documents import tiny_clip
from tests.stores import Server

LONGEST_SECONDS = 240.0
STEPS = 40  # of a run that is worth killing
ROOT = Path(__file__).parents[3]
CHILD = """
import platform, sys
if sys.argv[3]:
    platform.node = lambda: sys.argv[3]
from studio.cli import main
raise SystemExit(main(["worker", "--store", sys.argv[1], *(["--files", sys.argv[2]] if sys.argv[2] else [])]))
"""


def rarely_saved(seeds: int) -> Document:
    """A sweep of two values whose runs save every five steps."""
    callbacks = {"evaluation": {"every": STEPS, "most": 32, "train": False}, "checkpointing": {"every": 5}}
    return edits.set_recipe(document(steps=STEPS, seeds=seeds), callbacks=callbacks)


@pytest.fixture
def store(slow_where: str) -> Iterator[Store]:
    with Store.open(slow_where) as opened:
        yield opened


@pytest.fixture
def sweeps(store: Store) -> Sweeps:
    return Sweeps(store)


class Child:
    """``studio worker`` in a process of its own, on this machine or, as far as it can tell, on another."""

    def __init__(self, store: Store, files: Path | None = None, host: str = "") -> None:
        given = "" if store.is_file else str(files or store.files)
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, store.url, given, host], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def kill(self) -> str:
        """What it had said by then."""
        os.kill(self.process.pid, signal.SIGKILL)
        return self.process.communicate()[0]

    def end(self) -> str:
        said, _ = self.process.communicate(timeout=300)
        assert self.process.returncode == 0, said
        return said


def owners(store: Store) -> dict[int, int]:
    """Process by number of the trial that it trains; only those that have come so far that a kill is worth something.

    Who has only taken a trial over, of which another was killed, does not train it yet.
    """
    trains = (trial.c.run_id == run.c.id) & (trial.c.process == run.c.process)
    asked = select(trial.c.number, trial.c.process).join(run, trains)
    with store.read() as connection:
        rows = connection.execute(asked.where(trial.c.state == "running", run.c.step > 6, run.c.status == "running"))
        return {row.number: row.process for row in rows}


def attempts(store: Store) -> int:
    with store.read() as connection:
        return sum(connection.execute(select(run.c.attempt)).scalars())


def assert_each_once(store: Store, uid: str, steps: int) -> list[TrialFacts]:
    """Every trial has its value from a run of its own, whose record has every step once."""
    library, trials = Library(store), Sweeps(store).trials(uid)
    assert Sweeps(store).facts(uid).state == "finished"
    assert [one.state for one in trials] == ["finished"] * len(trials)
    assert len({one.run for one in trials}) == len(trials)
    for one in trials:
        assert library.facts(one.run).status == "finished"
        assert library.reader(one.run).points("loss")[0].tolist() == list(range(1, steps + 1))
        assert one.value is not None
    return trials


def worked(store: Store, **options: bool) -> WorkerThread:
    worker = WorkerThread(store, **options)
    worker.start()
    worker.join(LONGEST_SECONDS)
    assert not worker.is_alive()
    assert worker.error == ""
    return worker


def test_a_worker_does_what_is_queued_and_ends(store: Store, sweeps: Sweeps) -> None:
    uids = [begin_sweep(store, document(steps=4, seeds=1), WORDS, place=WORKER).uid for _ in range(2)]
    paused = begin_sweep(store, document(steps=4, seeds=1), WORDS, place=WORKER).uid
    sweeps.set_state(paused, "paused")
    assert worked(store).done == 4
    for uid in uids:
        assert_each_once(store, uid, 4)
    assert sweeps.facts(paused).counts == {"queued": 2}
    assert worked(store).done == 0


def test_a_stopped_worker_gives_its_trial_back_and_the_next_goes_on_with_the_run(
    store: Store, sweeps: Sweeps, library: Library
) -> None:
    uid = begin_sweep(store, document(steps=3000, seeds=1), WORDS, place=WORKER).uid
    worker = WorkerThread(store, waits=True)
    worker.start()
    until(lambda: sweeps.trials(uid)[0].step > 4)
    worker.stop()
    worker.join(LONGEST_SECONDS)
    first = sweeps.trials(uid)[0]
    assert (first.state, first.run_status) == ("queued", "stopped")
    assert sweeps.mark_interrupted() == []
    assert sweeps.facts(uid).state == "queued", "for the next worker"
    text = library.document_text(first.run).replace('"steps": 3000', f'"steps": {first.step + 3}')
    with store.write() as connection:
        connection.execute(update(run).where(run.c.uid == first.run).values(document_text=text))
        connection.execute(update(trial).where(trial.c.number == 1).values(state="skipped"))
    worked(store)
    ended = sweeps.trials(uid)[0]
    assert (ended.run, ended.state, ended.step) == (first.run, "finished", first.step + 3)


def test_a_sweep_that_is_stopped_from_elsewhere_gives_the_trial_back(store: Store, sweeps: Sweeps) -> None:
    """As the window of another machine does it: rows, and nothing else."""
    uid = begin_sweep(store, document(steps=3000, seeds=1), WORDS, place=WORKER).uid
    worker = WorkerThread(store)
    worker.start()
    until(lambda: sweeps.trials(uid)[0].step > 4)
    sweeps.set_state(uid, "paused")
    ask(store, sweeps.trials(uid)[0].run, "stop")
    worker.join(LONGEST_SECONDS)
    assert not worker.is_alive()
    assert [one.state for one in sweeps.trials(uid)] == ["queued", "queued"]
    assert sweeps.facts(uid).state == "paused"


@pytest.mark.long
def test_a_server_that_goes_away_while_a_trial_is_trained_costs_nothing(own_server: Server) -> None:
    with Store.open(own_server.new_database()) as store:
        uid = begin_sweep(store, rarely_saved(1), WORDS, place=WORKER).uid
        told: list[str] = []
        worker = WorkerThread(store, told=told.append)
        worker.start()
        until(lambda: owners(store), LONGEST_SECONDS)
        own_server.stop()
        until(lambda: any("Waiting for it" in line for line in told), LONGEST_SECONDS)
        own_server.start()
        worker.join(LONGEST_SECONDS)
        assert not worker.is_alive()
        assert worker.error == ""
        trials = assert_each_once(store, uid, STEPS)
        assert len(trials) == 2


def test_what_is_refused_again_and_again_ends_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runs.working.SECONDS_BETWEEN_LOOKS", 0.01)
    with Store.open(tmp_path / "runs.db") as store:
        uid = begin_sweep(store, document(steps=4, seeds=1), WORDS, place=WORKER).uid
        with store.write() as connection:
            connection.execute(update(sweep).where(sweep.c.uid == uid).values(document_text=dumps(tiny_clip())))
        worker = WorkerThread(store)
        worker.start()
        worker.join(LONGEST_SECONDS)
    assert not worker.is_alive()
    assert "lost its plan" in worker.error


GONE = {"process": 2**22 + 1, "process_started": 1.0}  # a number that no process has
LOOKS = [
    (Library, "mark_interrupted"), (Sweeps, "mark_interrupted"), (Sweeps, "for_workers"), (Sweeps, "orphans"),
    (Sweeps, "claim"), (Sweeps, "finish_where_done"),
]  # fmt: skip


def trained_elsewhere(store: Store) -> str:
    """A sweep whose only trial another process trains, so far; its run."""
    sweeps, library = Sweeps(store), Library(store)
    uid = begin_sweep(store, document(seeds=1), WORDS, place=WORKER).uid
    sweeps.skip(uid, [1])
    sweeps.begin_as_worker(uid)
    sweeps.claim(uid)
    left = queue(library, document()).uid
    sweeps.attach(uid, 0, left)
    parent = {"process": os.getppid(), "process_started": identity_of(os.getppid())[1]}
    with store.write() as connection:
        connection.execute(update(sweep).values(**parent))
        connection.execute(update(trial).where(trial.c.number == 0).values(**parent))
        lives = {"heartbeat": store_now(), "host": this_host(), "position": None}
        connection.execute(update(run).values(status="running", step=9, claim="theirs", **lives, **parent))
    return left


def killed_after(looks: int, store: Store, patch: pytest.MonkeyPatch) -> None:
    """Who trains is killed when another has looked so many times, in whatever way."""
    seen: list[str] = []

    def looking(look: Callable[..., Any], name: str) -> Callable[..., Any]:
        def looked(*given: Any) -> Any:
            found = look(*given)
            seen.append(name)
            if len(seen) == looks:
                with store.write() as connection:
                    for table in (run, trial, sweep):
                        connection.execute(update(table).where(table.c.process == os.getppid()).values(**GONE))
            return found

        return looked

    for whose, name in LOOKS:
        patch.setattr(whose, name, looking(getattr(whose, name), name))


@pytest.mark.parametrize("looks", range(1, 14))
def test_a_worker_that_is_killed_whenever_another_looks_costs_nothing(
    where: str, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """Another takes its trial, and goes on from the run's checkpoint: no look says a moment later that it still trains."""
    taken: list[bool] = []

    def take(thread: WorkerThread, work: Work, of: TrialFacts) -> None:
        taken.append(work.run_of(of) == left)
        thread.stop()

    monkeypatch.setattr(WorkerThread, "carry_out_trial", take)
    monkeypatch.setattr("core.runs.working.SECONDS_BETWEEN_LOOKS", 0.001)
    with Store.open(where) as store:
        left = trained_elsewhere(store)
        killed_after(looks, store, monkeypatch)
        worked(store)
    assert taken == [True]


def gone_elsewhere(store: Store, uid: str, host: str = "another-machine") -> str:
    """A trial and its run as a worker of another machine left them that was heard of a moment ago; the run's uid."""
    child = Child(store, host=host)
    until(lambda: owners(store), LONGEST_SECONDS)
    child.kill()
    return Sweeps(store).trials(uid)[0].run


def forget(store: Store) -> None:
    """Two minutes later."""
    with store.write() as connection:
        for table in (run, trial):
            connection.execute(update(table).where(table.c.host.startswith("another-machine#")).values(heartbeat=1.0))


@pytest.mark.long
def test_a_trial_of_another_machine_comes_back_when_that_is_not_heard_of(
    store: Store, sweeps: Sweeps, library: Library
) -> None:
    uid = begin_sweep(store, rarely_saved(1), WORDS, place=WORKER).uid
    left = gone_elsewhere(store, uid)
    assert library.mark_interrupted() == []
    assert sweeps.orphans(uid) == ([], [])
    assert sweeps.facts(uid).alive
    with pytest.raises(Refused, match="on another-machine already"):
        library.claim(left)
    forget(store)
    worked(store)
    trials = assert_each_once(store, uid, STEPS)
    assert trials[0].run == left, "its checkpoints can be reached from here"
    assert any("Resuming from step" in line.text for line in library.reader(left).log())


@pytest.mark.long
def test_a_run_whose_checkpoints_lie_on_another_machine_only_is_begun_again(
    store: Store, sweeps: Sweeps, library: Library, tmp_path: Path
) -> None:
    if store.is_file:
        pytest.skip("the files of a file lie beside it")
    uid = begin_sweep(store, rarely_saved(1), WORDS, place=WORKER).uid
    left = gone_elsewhere(store, uid)
    forget(store)
    with Store.open(store.url, files=tmp_path / "of this machine") as here:
        worked(here)
        trials = assert_each_once(here, uid, STEPS)
    assert trials[0].run != left
    assert library.facts(left).status == "interrupted"


def held(store: Store, children: Sequence[Child]) -> Child:
    """A worker in the middle of a trial, at a standstill: what the store says of it now stays true until it is killed."""
    for _ in range(1000):
        until(lambda: set(owners(store).values()) & {child.process.pid for child in children}, LONGEST_SECONDS)
        for child in children:
            os.kill(child.process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, child.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # its threads stop one by one
            if child.process.pid in owners(store).values():
                return child
            os.kill(child.process.pid, signal.SIGCONT)
    raise AssertionError("no worker was ever found in the middle of a trial")


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_three_workers_two_of_them_killed(store: Store, sweeps: Sweeps) -> None:
    uid = begin_sweep(store, rarely_saved(3), WORDS, place=WORKER).uid
    children, said = [Child(store) for _ in range(3)], ""
    for _ in range(2):
        victim = held(store, [child for child in children if child.process.returncode is None])
        said += victim.kill()  # it may be the one that went on with what the first left
    said += "".join(child.end() for child in children if child.process.returncode is None)
    assert_each_once(store, uid, STEPS)
    assert attempts(store) == 6 + 2, "every run was taken up once, and twice where its worker was killed"
    assert said.count("goes on with trial") == 2
    assert said.count(" finished, loss ") >= 4


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="SIGINT")
@pytest.mark.parametrize("asked", STOPS)
def test_whoever_asks_it_to_stop_it_saves_and_gives_the_trial_back(
    store: Store, sweeps: Sweeps, asked: signal.Signals
) -> None:
    """Ctrl-C, the system, and a cluster before a job's time limit."""
    uid = begin_sweep(store, document(steps=3000, seeds=1), WORDS, place=WORKER).uid
    child = Child(store)
    until(lambda: owners(store), LONGEST_SECONDS)
    os.kill(child.process.pid, asked)
    said, _ = child.process.communicate(timeout=LONGEST_SECONDS)
    assert child.process.returncode == 128 + asked, said
    assert "Stopping: the step is finished and a checkpoint saved." in said
    assert said.endswith("waits in the queue again.\n")
    first = sweeps.trials(uid)[0]
    assert (first.state, first.run_status) == ("queued", "stopped")
    assert sweeps.facts(uid).state == "queued"
