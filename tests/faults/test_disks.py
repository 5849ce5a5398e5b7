"""Disks that are full, on a small file system of their own: nothing that was said is lost, and the end tells what was not saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECORD = """
import sys, threading
from pathlib import Path
import numpy as np
from core.store import recorder as recording
from core.store.database import Store
from core.store.library import Library
from core.store.encoding import is_content
from core.store.media import every_name

from core.telemetry.events import At, Histogram, Pictures, Scalars
folder, died, told = Path(sys.argv[1]), [], []
threading.excepthook = lambda seen: died.append(repr(seen.exc_value))
recording.SECONDS_BETWEEN_RETRIES = 0.01
draw = np.random.default_rng(int(sys.argv[2]))
ballast = folder / "ballast"
ballast.write_bytes(bytes(6 << 20))
library = Library(Store.open(folder / "r.db"))
run = library.create_run("x", "{}")
recorder = library.recorder(run.uid, on_problem=lambda problem: told.append(problem.severity))
pulse, step = threading.Event(), 0
while step < 6000 and not (recorder.is_failing and step % 100 == 99) and not died:
    step += 1
    at = At(step=step, seconds=float(step))
    recorder.say(Scalars(at=at, values={f"s{n}": float(draw.random()) for n in range(20)}))
    if step % 20 == 0:
        noise = draw.integers(0, 256, (2, 32, 32, 3)).astype("u1")
        recorder.say(Pictures(at=at, series="made/x/image", pictures=noise, seeds=(0, 1)))
    recorder.say(Histogram(at=at, series="h", low=0.0, high=1.0, counts=draw.integers(0, 2**31, 1500).astype("u4")))
    pulse.wait(0.002)
was_full = recorder.is_failing
ballast.unlink()
kept = recorder.flush(20)
closed = recorder.close(60)
reader = library.reader(run.uid)
whole = reader.points("s3")[0].tolist() == list(range(1, step + 1)) and len(reader.snapshot_steps("h")) == step
whole = whole and reader.snapshot_steps("made/x/image") == list(range(20, step + 1, 20))
with library.store.read() as connection:
    names = every_name(connection)
files = {path.name: path.read_bytes() for path in library.store.media_folder.glob("*/*")}
whole = whole and set(files) == set(names) and all(is_content(name, data) for name, data in files.items())
whole = whole and len(names) == 2 * (step // 20)
print(__import__("json").dumps({"died": died, "full": was_full, "kept": kept, "closed": closed, "whole": whole,
                                "told": told, "check": library.store.check()}))
"""
TRAIN = """
import sys
from pathlib import Path
from core.runs import execute as executing
from core.runs.execute import execute
from core.store.database import Store
from core.store.library import Library
from core.training.callbacks.checkpointing import Checkpointing
from core.training.trainer import Trainer
from tests.core.runs.running import queued
from tests.documents import tiny_clip
folder, freed_at = Path(sys.argv[1]), int(sys.argv[2])
Checkpointing.patience_seconds = executing.PATIENCE_SECONDS = 1.5
store = Store.open(folder / "r.db")
uid = queued(store, tiny_clip(steps=12, callbacks={"checkpointing": {"every": 4}}))
ballast = folder / "ballast"
def fill():
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
say_step, filled = Trainer._say_step, []
def seen(self, seconds):
    say_step(self, seconds)
    if self.position.step == 1 and not filled:
        filled.append(True)
        fill()
    if self.position.step == freed_at:
        ballast.unlink()
Trainer._say_step = seen
status = execute(store, uid)
ballast.unlink(missing_ok=True)
library = Library(store)
first = {"status": status, "said": library.facts(uid).status, "reason": library.facts(uid).reason}
again = execute(store, uid) if status != "finished" else status
reader = library.reader(uid)
print(__import__("json").dumps({**first, "again": again, "steps": reader.points("loss")[0].tolist(),
      "saved": [each.step for each in reader.checkpoints() if each.kept], "end": library.facts(uid).status}))
"""


def on_a_small_disk(folder: Path, mebibytes: int, script: str, *arguments: object) -> dict[str, Any]:
    """Run a script with a file system of so many MiB; its last line is JSON."""
    folder.mkdir(exist_ok=True)
    inner = f'mount -t tmpfs -o size={mebibytes}m tmpfs "$1" && exec "$2" -c "$3" "$1" "${{@:4}}"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", inner, "_", str(folder), sys.executable, script,
         *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("a file system of its own needs the right to mount one")
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("seed", range(4))
def test_while_it_is_recorded(tmp_path: Path, seed: int, count: Callable[[str, bool], None]) -> None:
    found = on_a_small_disk(tmp_path / "small", 14, RECORD, seed)
    assert found["full"]
    assert found["died"] == []
    count("full disk while recorded: nothing lost once there is room", found["whole"] and found["closed"])
    assert (found["told"][0], found["told"][-1], found["check"]) == ("warning", "hint", [])


@pytest.mark.parametrize("freed_at", [3, 6, 12, 99])
def test_while_it_trains(tmp_path: Path, freed_at: int, count: Callable[[str, bool], None]) -> None:
    """Freed before the first checkpoint, between two, at the last step, or never."""
    found = on_a_small_disk(tmp_path / "small", 24, TRAIN, freed_at)
    if freed_at < 99:
        count("full disk while training, freed: finished with what it learned", found["status"] == "finished")
    else:
        count("full disk to the end: never called finished", found["status"] == "failed" != found["said"])
    assert (found["again"], found["end"]) == ("finished", "finished")
    assert found["saved"][-1] == 12
    assert found["steps"] == list(range(1, 13))
