"""kill -9 in the middle of training, again and again on one run: it goes on as if it had never been interrupted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.graph.document import Document
from core.runs.execute import checkpoint_folder, execute
from core.store.checkpoints import CheckpointFolder
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from tests.core.runs.running import assert_time_goes_on, queued, until
from tests.documents import tiny_clip

LOST_SECONDS = 0.3
STEPS_A_KILL = 30
ROOT = Path(__file__).parents[3]
CHILD = """
import sys, time
from core.runs import process
from core.training.trainer import Trainer
witness, say_step = open(sys.argv[3], "ab", buffering=0), Trainer._say_step

def seen(self, seconds):
    say_step(self, seconds)
    witness.write(b"%d %.6f\\n" % (self.position.step, time.monotonic()))

Trainer._say_step = seen
raise SystemExit(process.main(sys.argv[1:3]))
"""  # the same child, and beside the store a file that a kill cannot hold back


def document(kills: int) -> Document:
    return tiny_clip(
        steps=kills * STEPS_A_KILL + 20,
        callbacks={
            "checkpointing": {"every": 5},
            "evaluation": {"every": 50, "most": 64},
            "ema": {"decay": 0.9},
            "watchdog": {},
            "clipping": {},
        },
        diagnostics={"similarity": {"every": 5}, "gradients": {"every": 5}},
    )


class Child:
    """The run in a process, and what it was seen to say."""

    def __init__(self, where: str, uid: str, witness: Path) -> None:
        self._witness = witness
        self._before = len(self._lines())
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, where, uid, str(witness)],
            env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _lines(self) -> list[list[str]]:
        text = self._witness.read_text() if self._witness.exists() else ""
        return [line.split() for line in text.splitlines() if len(line.split()) == 2]

    def said(self) -> list[tuple[int, float]]:
        """Step and the moment it was said, of this life."""
        return [(int(step), float(moment)) for step, moment in self._lines()[self._before :]]

    def wait(self, signal_number: int = 0) -> int:
        if signal_number:
            os.kill(self.process.pid, signal_number)
        _, errors = self.process.communicate(timeout=300)
        assert signal_number or not self.process.returncode, errors[-2000:]
        return self.process.returncode


def check_after_kill(where: str, uid: str, child: Child, whole: RunReader) -> int:
    """The store is whole, says what was said but for the last moment, and a checkpoint is there; gives its step."""
    with Store.open(where) as store:
        with store.write():
            pass  # nobody holds it
        assert store.check() == []
        library = Library(store)
        assert [facts.uid for facts in library.mark_interrupted()] == [uid]
        reader = library.reader(uid)
        steps, values = reader.points("loss")
        assert steps.tolist() == list(range(1, len(steps) + 1)), "a hole or a twin"
        np.testing.assert_array_equal(values, whole.points("loss")[1][: len(steps)])
        lost = [moment for step, moment in child.said() if step > len(steps)]
        assert not lost or lost[-1] - lost[0] <= LOST_SECONDS, f"{len(lost)} steps, {lost[-1] - lost[0]:.3f} s lost"
        newest = CheckpointFolder(checkpoint_folder(store, uid)).newest()  # every file against its hash
        if newest is None:
            return 0
        assert newest.warnings == ()
        assert newest.step <= len(steps), "a checkpoint of steps that the record has lost"
        return newest.step


def series(reader: RunReader) -> dict[str, Any]:
    """Everything said that does not depend on the clock."""
    clocked = ("throughput", "cost/processor seconds")
    names = [info.name for info in reader.series("scalar") if info.name not in clocked]
    found: dict[str, Any] = {name: [part.tolist() for part in reader.points(name)] for name in names}
    for info in reader.series("histogram"):
        steps = reader.snapshot_steps(info.name)
        found[info.name] = [(step, reader.histogram_at(info.name, step).counts.tolist()) for step in steps]  # type: ignore[union-attr]
    return found


def tensors(store: Store, uid: str) -> dict[str, bytes]:
    newest = CheckpointFolder(checkpoint_folder(store, uid)).newest()
    assert newest is not None
    return {file.name: file.read_bytes() for file in newest.path.glob("*.safetensors")}


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_while_training(where: str, tmp_path: Path) -> None:
    killed_and_continued(where, tmp_path, 1)


def killed_and_continued(where: str, tmp_path: Path, kills: int) -> None:
    """Kill one run again and again; its end is that of a run that was left alone."""
    moments = random.Random(kills)
    drawn = document(kills)
    other = tmp_path / "whole" / "runs.db"
    with Store.open(other) as undisturbed:
        reference = queued(undisturbed, drawn)
        assert execute(undisturbed, reference) == "finished"
        whole = Library(undisturbed).reader(reference)
        with Store.open(where) as store:
            uid = queued(store, drawn)
        resumed_from = 0
        for _ in range(kills):
            child = Child(where, uid, tmp_path / "witness")
            wanted = resumed_from + moments.randint(6, STEPS_A_KILL - 1)
            until(lambda: child.process.poll() is not None or any(step >= wanted for step, _ in child.said()))  # noqa: B023
            assert child.wait(signal.SIGKILL) == -signal.SIGKILL
            resumed_from = check_after_kill(where, uid, child, whole)
        assert Child(where, uid, tmp_path / "witness").wait() == 0
        with Store.open(where) as store:
            reader = Library(store).reader(uid)
            assert reader.head().status == "finished"
            assert series(reader) == series(whole)
            assert_time_goes_on(reader)
            assert tensors(store, uid) == tensors(undisturbed, reference)
