"""Runs that are recorded by a test, and monitors that a pump keeps at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.store.database import Store
from core.store.library import Library
from studio.watching.pump import Pump
from widgets.monitors.monitor import Monitor

Kept = Callable[..., tuple[Any, Pump]]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Of an empty store."""
    with Store.open(tmp_path / "runs.db") as store:
        yield Library(store)


@pytest.fixture
def record(library: Library) -> Callable[..., str]:
    """A run that said these events; its uid."""

    def recorded(*events: Any, name: str = "first") -> str:
        uid = library.create_run(name, "{}", steps=100).uid
        recorder = library.recorder(uid)
        for event in events:
            recorder.say(event)
        assert recorder.close()
        return uid

    return recorded


@pytest.fixture
def keep(qtbot: Any, library: Library) -> Iterator[Kept]:
    """A monitor that is kept by a pump at a run, and others beside it."""
    pumps = []

    def kept(
        monitor: Monitor, *uids: str, step: int | None = None, size: tuple[int, int] = (460, 300)
    ) -> tuple[Any, Pump]:
        pump = Pump(library.reader)
        pumps.append(pump)
        qtbot.addWidget(monitor)
        monitor.resize(*size)
        pump.add(monitor)
        monitor.show()
        pump.set_runs(uids[0], step=step)
        pump.set_beside(*uids[1:])
        return monitor, pump

    yield kept
    for pump in pumps:
        pump.close()
