"""A locked store and dead children: what a checkpoint takes for said is kept, and a run whose process died is known to be dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.runs.worker import start_process
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.store.places import checkpoint_folder
from tests.core.runs.running import queued, until
from tests.documents import tiny_clip

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
ROOT = Path(__file__).parents[2]
CALLBACKS = {"checkpointing": {"every": 5, "last": 3}, "evaluation": {"every": 5, "most": 32}}
LOCKER = """
import sys, sqlite3
from pathlib import Path
from core.store.lock import FileLock
path = Path(sys.argv[1])
if sys.argv[2] == "file":
    FileLock(path.with_name(path.name + ".lock"), 60).__enter__()
else:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["file", "database"])
def test_killed_while_the_store_is_locked_nothing_of_its_checkpoint_is_lost(
    tmp_path: Path, how: str, count: Callable[[str, bool], None]
) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = queued(store, tiny_clip(steps=3000, callbacks=CALLBACKS, diagnostics={"samples": {}}), place="process")
        child, reader = start_process(store, uid), library.reader(uid)
        until(lambda: reader.head().step >= 7)
        with python(LOCKER, store.path, how) as locker:
            assert locker.stdout is not None
            locker.stdout.readline()
            folder = CheckpointFolder(checkpoint_folder(store, uid))
            ahead = reader.head().step  # nothing later can be written now
            until(lambda: folder.all() and int(folder.all()[-1].name[-9:]) > ahead, 90)
            child.kill()
            child.wait()
            locker.kill()
        saved = folder.newest()
        assert saved is not None
        library.mark_interrupted()
        recorder = library.recorder(uid)  # takes up what waits beside the store
        assert recorder.close(60)
        start = library.start_of(uid)
        assert start is not None
        count("killed while locked: the newest checkpoint is gone on from", start.step == saved.step)
        said = reader.snapshot_steps("samples/image_to_text")
        count("killed while locked: all that was said up to it is there", set(range(5, saved.step + 1, 5)) <= set(said))
        assert reader.points("loss")[0].tolist()[: saved.step] == list(range(1, saved.step + 1))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
@pytest.mark.parametrize("moment", ["begun", "training"])
def test_a_dead_child_is_interrupted_and_goes_on(
    tmp_path: Path, number: signal.Signals, moment: str, count: Callable[[str, bool], None]
) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        uid = queued(store, tiny_clip(steps=40, callbacks=CALLBACKS), place="process")
        child = start_process(store, uid)
        if moment == "training":
            until(lambda: library.reader(uid).head().step >= 6)
        os.kill(child.pid, number)
        until(lambda: not library.liveness(uid)[0])
        began = time.monotonic()
        until(lambda: library.mark_interrupted() or library.facts(uid).status == "interrupted")
        count("a dead child is interrupted within two seconds", time.monotonic() - began < 2)
        assert library.facts(uid).status == "interrupted"
        again = start_process(store, uid)
        assert again.wait(120) == 0
        steps = library.reader(uid).points("loss")[0].tolist()
        count("a dead child's run goes on to its end", steps == list(range(1, 41)))
        child.wait()


def test_of_two_starters_one_trains(tmp_path: Path, count: Callable[[str, bool], None]) -> None:
    command = [sys.executable, "-m", "studio", "run", "--json", "--store", str(tmp_path / "runs.db"), "--resume"]
    with Store.open(tmp_path / "runs.db") as store:
        library = Library(store)
        for _ in range(3):
            uid = queued(store, tiny_clip(steps=30, callbacks=CALLBACKS))
            claim = library.claim(uid)
            claim.undo()
            with store.write() as connection:
                connection.exec_driver_sql("UPDATE run SET status = 'stopped' WHERE status = 'queued'")
            two = [
                subprocess.Popen(
                    [*command, uid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
                for _ in range(2)
            ]  # fmt: skip
            said = [child.communicate(timeout=180) for child in two]
            codes = sorted(child.returncode for child in two)
            assert codes == [0, 2], said
            loser = said[[child.returncode for child in two].index(2)][1]
            count("two starters: one trains, the other is told who", "is trained by process" in loser)
            assert library.reader(uid).points("loss")[0].tolist() == list(range(1, 31))
