"""Runs for tests: queued in a store, trained in a thread or a child, waited for by what the store says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from core.graph.document import Document
from core.runs.launch import queue
from core.runs.worker import RunThread
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader

LONGEST_SECONDS = 60.0


def until(holds: Callable[[], Any], seconds: float = LONGEST_SECONDS) -> None:
    """Wait for something that the store will say; a run that never says it fails the test."""
    pulse = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        pulse.wait(0.01)
    raise AssertionError(f"did not come within {seconds:g} s")


def queued(store: Store, document: Document, **options: Any) -> str:
    """A run that waits; its uid."""
    return queue(Library(store), document, **options).uid


def started(store: Store, document: Document) -> RunThread:
    """A run that trains in a thread of its own."""
    thread = RunThread(store, queued(store, document))
    thread.start()
    return thread


def losses(reader: RunReader) -> list[tuple[int, float]]:
    """Step and loss, every point."""
    steps, values = reader.points("loss")
    return list(zip(steps.tolist(), values.tolist()))


def assert_time_goes_on(reader: RunReader) -> None:
    """Nothing that was said later carries an earlier second; no step is missing or said twice."""
    steps = reader.points("loss")[0]
    assert steps.tolist() == list(range(int(steps[0]), int(steps[0]) + len(steps)))
    seconds = reader.along(steps, "seconds").tolist()
    assert seconds == sorted(seconds)
    said = [(line.seconds, line.step) for line in reader.log(newest=10**6)]  # in the order of saying
    assert said == sorted(said)
    marks = [(mark.step, mark.seconds) for mark in reader.marks()]  # by step, then in the order of saying
    assert marks == sorted(marks)
