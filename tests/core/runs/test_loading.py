"""A window that opens while a run of the queue begins: both load the engine, each from its own thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.worker import RunThread
from core.store.database import Store
from core.store.library import Library
from tests.core.runs.running import queued
from tests.documents import tiny_clip

AT_ONCE = """
import sys, threading
from core.runs.vocabulary import full_vocabulary
from core.runs.worker import RunThread
from core.store.database import Store
from core.store.library import Library

store, uid = Store.open(sys.argv[1]), sys.argv[2]
found = []
vocabulary = threading.Thread(target=lambda: found.append(full_vocabulary()))
run = RunThread(store, uid)
vocabulary.start()
run.start()
vocabulary.join()
run.join()
facts = Library(store).facts(uid)
print(len(found), facts.status, facts.step, facts.reason)
"""


@pytest.mark.long
def test_two_threads_load_the_engine_at_once(tmp_path: Path) -> None:
    where = tmp_path / "runs.db"
    with Store.open(where) as store:
        uid = queued(store, tiny_clip(steps=1))
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, str(where), uid], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["1", "finished", "1"], done.stdout + done.stderr


def test_a_run_that_cannot_even_begin_has_failed(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ImportError("half a module")

    monkeypatch.setattr("core.runs.worker.load_engine", broken)
    thread = RunThread(store, queued(store, tiny_clip(steps=1)))
    thread.start()
    thread.join(60)
    facts = library.facts(thread.uid)
    assert (facts.status, facts.reason, facts.phase) == ("failed", "ImportError: half a module", "")
    assert library.owner_refusal(thread.uid) is None
