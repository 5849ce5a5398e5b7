"""Live and replay are the same code: the picture at step N is the same while the run trains, and later from the file."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.graph.document import Document
from core.graph.file import dumps
from core.store.database import Store
from core.store.library import Library
from studio.benches.synthetic import SyntheticRun
from tests.widgets.monitors.pictures import Wall
from widgets.look.theme import apply_theme

STEP, STEPS = 150, 300


@pytest.fixture
def store(tmp_path, qapp):
    store = Store.open(tmp_path / "runs.db")
    yield store
    store.close()


def test_every_monitor_shows_the_same_live_and_replayed(store, tmp_path, qapp):
    assert isinstance(qapp, QApplication)
    apply_theme(qapp, "dark")
    library, synthetic = Library(store), SyntheticRun(steps=STEPS)
    uid = library.create_run("live", dumps(Document()), steps=STEPS).uid
    recorder = library.recorder(uid)
    wall = Wall(library, uid, None)
    try:
        for event in synthetic.beginning():
            recorder.say(event)
        for step in range(1, STEP + 1):
            for event in synthetic.step(step):
                recorder.say(event)
            if step in (60, STEP):  # drawn on the way too: what was drawn before must leave no trace
                recorder.flush()
                wall.settle(step)
        live = wall.pixels()

        def train_on():
            for step in range(STEP + 1, STEPS + 1):
                for event in synthetic.step(step):
                    recorder.say(event)
                stop.wait(0.01)

        stop = threading.Event()
        trainer = threading.Thread(target=train_on)
        trainer.start()
        wall.pump.set_step(75)
        wall.settle(75)
        earlier = wall.pixels()
        wall.pump.set_step(STEP)
        wall.settle(STEP)
        scrubbed = wall.pixels()
        stop.set()
        trainer.join()
    finally:
        wall.close()
        recorder.close()
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.widgets.monitors.pictures", store.url, uid, str(STEP), str(tmp_path / "out")],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    replayed = {file.stem: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert set(live) == set(scrubbed) == set(replayed)
    assert [key for key in live if live[key] == earlier[key]] == [], "each picture depends on the cursor"
    assert [key for key in live if live[key] != scrubbed[key]] == [], "scrubbing back while it trains"
    assert [key for key in live if live[key] != replayed[key]] == [], "a new process, from the file"
