"""kill -9 while a run is recorded: the file is whole, what is there is a strict prefix, at most 300 ms are lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.store.database import Store
from core.store.encoding import is_content
from core.store.library import Library
from core.store.media import every_name

LOST_SECONDS = 0.3
WRITER = """
import sys, time
from core.store.database import Store
from core.store.library import Library
import numpy as np
from core.telemetry.events import At, LogLine, Pictures, Scalars, StatusChange
library = Library(Store.open(sys.argv[1]))
uid = library.create_run("killed", "{}").uid
recorder = library.recorder(uid)
recorder.say(StatusChange(at=At(step=0, seconds=0.0), status="running"))
print(uid, flush=True)
said = open(sys.argv[2], "wb", buffering=0)
step = 0
while True:
    step += 1
    recorder.say(Scalars(at=At(step=step, seconds=time.monotonic()), values={"loss": step * 0.5, "rate": 1.0 / step}))
    if step % 50 == 0:
        recorder.say(LogLine(at=At(step=step, seconds=0.0), text=str(step)))
        made = np.random.default_rng(step).integers(0, 256, (2, 8, 8, 3)).astype("u1")
        recorder.say(Pictures(at=At(step=step, seconds=0.0), series="made/x/image", pictures=made, seeds=(0, 1)))
    said.write(b"%d %.6f\\n" % (step, time.monotonic()))
    time.sleep(0.0005)
"""


def kill_once(where: str, folder: Path, number: int, seconds: float) -> None:
    said = folder / f"said{number}"
    child = subprocess.Popen([sys.executable, "-c", WRITER, where, str(said)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    uid = child.stdout.readline().strip()
    time.sleep(seconds)  # the moment of death is the test's random number
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    killed = [line.split() for line in said.read_bytes().splitlines() if line.count(b" ") == 1]
    with Store.open(where) as store:
        assert store.check() == []
        library = Library(store)
        reader = library.reader(uid)
        steps, values = reader.points("loss")
        assert steps.tolist() == list(range(1, len(steps) + 1)), "a hole or a twin"
        np.testing.assert_array_equal(values, steps * 0.5)
        assert reader.points("rate")[0].tolist() == steps.tolist()
        assert [int(line.text) for line in reader.log(newest=10**6)] == [s for s in steps.tolist() if s % 50 == 0]
        assert reader.snapshot_steps("made/x/image") == [s for s in steps.tolist() if s % 50 == 0]
        with store.read() as connection:
            names = set(every_name(connection))
        files = {file.name: file.read_bytes() for file in store.media_folder.glob("*/*")}
        assert set(files) == names, "a file without a row, or a row without its file"
        assert all(is_content(name, data) for name, data in files.items())
        assert list(store.media_folder.glob(".*")) == []
        lost = [float(when) for step, when in killed if int(step) > len(steps)]
        assert not lost or lost[-1] - lost[0] <= LOST_SECONDS, f"{len(lost)} steps, {lost[-1] - lost[0]:.3f} s lost"
        assert [facts.uid for facts in library.mark_interrupted()] == [uid]
        assert library.facts(uid).status == "interrupted"
        assert json.loads(json.dumps(library.facts(uid).last))["loss"] == len(steps) * 0.5


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_again_and_again(where: str, tmp_path: Path) -> None:
    moments = random.Random(3)
    for number in range(3):
        kill_once(where, tmp_path, number, moments.uniform(0.3, 1.2))
