"""Sync: the offset that is said, or that none is, beside the true one; lines and moments at their places."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from core.telemetry.events import At, AttentionMap, Offsets
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.cursor import Cursor
from widgets.monitors.time.sync import SyncMonitor
from widgets.monitors.time.sync_times import SyncSettings, read_sync

COUNT, FRAME = 20, 0.1
AXIS = {"kind": "times", "time": COUNT, "first": 0.05, "step": FRAME}


def said(run, step, found, sure=(0.9, 0.2), true=(0.3, -0.2)):
    at = At(step=step, seconds=step)
    moment = np.arange(COUNT)
    late = np.round(np.array(true) / FRAME)[:, None, None]
    weights = (moment[None, None] - moment[:, None] == late).astype(np.float16)[:, None]
    queries = {**AXIS, "measure": "cosine", "least": 0.5}
    run.say(AttentionMap(at=at, series="sync/sync", weights=weights, queries=queries, keys=AXIS, exhibit=""))
    over = ("test/4", "test/11")
    run.say(Offsets(at=at, series="offsets/sync", seconds=np.float32(found), scores=np.float32(sure), over=over))
    run.say(
        Offsets(at=at, series="offsets/sync/true", seconds=np.float32(true), scores=np.ones(2, np.float32), over=over)
    )


@pytest.fixture
def run():
    made = MemoryRun(steps=100)
    said(made, 10, (-1.0, 0.0))
    said(made, 50, (0.33, -0.2))
    return made


def at(run, step):
    return read_sync(SyncSettings(), [run], Cursor(runs=("a",), step=step))


def test_an_offset_is_said_where_it_is_sure_and_counts_within_a_frame(run):
    assert at(run, 9) is None
    early, late = at(run, 49), at(run, 100)
    assert (early.step, late.step) == (10, 50)
    assert [clip.name for clip in late.clips] == ["test/4", "test/11"]
    assert [clip.found for clip in late.clips] == [pytest.approx(0.33), None]
    assert (early.right, late.right, late.known) == (0, 1, 2)
    path = late.clips[0].path_P2
    rows = path[(path[:, 0] > 0) & (path[:, 1] < COUNT - 1)]
    assert set((rows[:, 1] - rows[:, 0]).tolist()) == {3}


def test_squares_tell_moments_and_offsets(qtbot, run):
    monitor = SyncMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(600, 300)
    monitor.show()
    monitor.present(at(run, 100))
    (first, place), (second, _) = monitor.squares.squares()
    middle = monitor.squares.at(place, first, 4, 7)
    assert monitor.squares.words_at(middle) == "test 4 · film at 0.45 s, sound at 0.75 s: likeness 1.00"
    assert monitor.squares.words_at(QPointF(place.center().x(), place.bottom() + 4)) == (
        "test 4: +0.33 s · probability 0.90 · true +0.30"
    )
    assert monitor.squares.words_at(QPointF(place.right() + 3, 2)) == ""
    assert "1 of 2" in monitor.figures.text()
    assert second.found is None
    for size in ((200, 140), (360, 900), (1400, 160)):
        monitor.resize(*size)
        squares = [place for _, place in monitor.squares.squares()]
        assert squares
        assert all(not a.intersects(b) for n, a in enumerate(squares) for b in squares[n + 1 :])


def test_films_whose_offset_is_not_known_are_named(qtbot):
    run = MemoryRun(steps=100)
    said(run, 10, (0.1, 0.2))
    run.events = [event for event in run.events if not getattr(event, "series", "").endswith("/true")]
    monitor = SyncMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(400, 200)
    monitor.present(at(run, 10))
    assert "within" not in monitor.figures.text()
    clip, place = monitor.squares.squares()[0]
    assert monitor.squares.words_at(QPointF(place.center().x(), place.bottom() + 4)).endswith("test 4")
    assert clip.true is None
