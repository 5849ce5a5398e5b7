"""The pump: one thread reads, one tick draws, stale answers are dropped, a failing monitor stops nobody."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

import studio.watching.pump
from core.telemetry.events import At, Mark, Scalars, StatusChange
from studio.watching.pump import Pump
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.monitor import Monitor

pytestmark = pytest.mark.usefixtures("qapp")


class Count(Monitor):
    """Shows how many losses there are up to the cursor."""

    title = "Count"
    milliseconds_between = 0

    def __init__(self):
        super().__init__()
        self.label = QLabel()
        self.set_picture(self.label)
        self.drawn = []

    @staticmethod
    def read(settings, readers, cursor):
        return (cursor.step, len(readers[0].curve("loss", upto=cursor.step).x))

    def draw(self, value):
        self.drawn.append(value)
        self.label.setText(str(value))


class BadRead(Count):
    @staticmethod
    def read(settings, readers, cursor):
        raise ValueError("the wheel came off")


class BadDraw(Count):
    def draw(self, value):
        raise ValueError("no paint left")


class SlowDraw(Count):
    def draw(self, value):
        super().draw(value)
        end = time.perf_counter() + 0.03
        while time.perf_counter() < end:
            pass


def say(run, first, last):
    for step in range(first, last + 1):
        run.say(Scalars(at=At(step=step, seconds=step * 0.1), values={"loss": 1 / step}))


@pytest.fixture
def run():
    run = MemoryRun(steps=1000)
    run.say(StatusChange(at=At(step=0, seconds=0), status="running"))
    say(run, 1, 50)
    return run


@pytest.fixture
def room(qtbot, run):
    """A pump, its window, and a way to put monitors into it."""
    window = QWidget()
    row = QHBoxLayout(window)
    qtbot.addWidget(window)
    window.resize(600, 200)
    pump = Pump(lambda uid: run)

    def put(*monitors):
        for monitor in monitors:
            row.addWidget(monitor)
            pump.add(monitor)
        window.show()
        return monitors[0] if len(monitors) == 1 else monitors

    pump.put = put
    yield pump
    pump.close()


def test_live_shows_the_head_and_goes_with_it(room, run, qtbot):
    count = room.put(Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: count.value() == (50, 50))
    say(run, 51, 60)
    qtbot.waitUntil(lambda: count.value() == (60, 60))
    assert room.cursor.follows_head


def test_a_cursor_in_the_past_stays_while_more_is_written(room, run, qtbot):
    count = room.put(Count())
    room.set_runs("a", step=20)
    qtbot.waitUntil(lambda: count.value() == (20, 20))
    drawn = len(count.drawn)
    heads = []
    room.headMoved.connect(heads.append)
    say(run, 51, 80)
    qtbot.waitUntil(lambda: bool(heads) and heads[-1].step == 80)
    assert len(count.drawn) == drawn, "nothing is drawn again for what lies after the cursor"
    room.go_live()
    qtbot.waitUntil(lambda: count.value() == (80, 80))


def test_nothing_is_read_while_nothing_is_new(room, run, qtbot):
    count = room.put(Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: count.value() == (50, 50) and room.is_idle())
    drawn = len(count.drawn)
    qtbot.wait(350)
    assert len(count.drawn) == drawn


def test_reading_happens_on_one_thread_that_is_not_ours(room, run, qtbot):
    monitors = room.put(Count(), Count(), Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: all(monitor.value() == (50, 50) for monitor in monitors))
    assert len(run.threads) == 1
    assert threading.current_thread().name not in run.threads


@pytest.mark.parametrize(("bad", "words"), [(BadRead, "the wheel came off"), (BadDraw, "no paint left")])
def test_a_failing_monitor_says_so_and_stops_nobody(room, qtbot, bad, words, caplog):
    broken, count = room.put(bad(), Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: count.value() == (50, 50) and words in broken.message())
    assert "could not" in caplog.text
    caplog.clear()


def test_hidden_monitors_cost_nothing_until_they_are_seen(room, run, qtbot):
    seen, hidden = room.put(Count(), Count())
    hidden.hide()
    room.set_runs("a")
    qtbot.waitUntil(lambda: seen.value() == (50, 50))
    assert hidden.value() is None
    hidden.show()
    qtbot.waitUntil(lambda: hidden.value() == (50, 50))


def test_a_later_question_replaces_an_earlier_one(room, run, qtbot, monkeypatch):
    monkeypatch.setattr(studio.watching.pump, "DRAG_SECONDS", 0.0)
    gate = threading.Event()

    class Gated(Count):
        @staticmethod
        def read(settings, readers, cursor):
            if cursor.step == 10:
                gate.wait(5)
            return Count.read(settings, readers, cursor)

    gated = room.put(Gated())
    room.set_runs("a", step=10)
    qtbot.waitUntil(lambda: room._busy is not None and not any(seat.dirty for seat in room._turn))
    room.set_step(30)
    gate.set()
    qtbot.waitUntil(lambda: gated.value() == (30, 30))
    assert (10, 10) not in gated.drawn


def test_pictures_move_while_the_cursor_is_dragged(room, run, qtbot):
    counts = room.put(*(Count() for _ in range(4)))
    room.set_runs("a", step=1)
    qtbot.waitUntil(lambda: all(count.value() == (1, 1) for count in counts))
    drag, steps = QTimer(), iter(range(2, 50))
    drag.timeout.connect(lambda: room.set_step(next(steps)) if room.cursor.step < 49 else drag.stop())
    drag.start(8)
    qtbot.waitUntil(lambda: all(count.value() == (49, 49) for count in counts))
    for count in counts:
        seen = [step for step, _ in count.drawn]
        assert len(seen) >= 4, "shown on the way"
        assert seen == sorted(seen), "never back to an older moment"


def test_a_past_run_that_is_looked_at_rests(room, run, qtbot):
    run.say(StatusChange(at=At(step=50, seconds=5), status="finished"))
    count = room.put(Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: count.value() == (50, 50) and room._timer.interval() > 50)
    room.set_step(10)
    assert room._timer.interval() == studio.watching.pump.TICK_MILLISECONDS


def test_at_most_one_picture_a_tick_and_dear_ones_are_paid_back(room, run, qtbot):
    slow = room.put(*(SlowDraw() for _ in range(3)))
    room.set_runs("a", step=10)
    qtbot.waitUntil(lambda: all(monitor.value() == (10, 10) for monitor in slow))
    ticks = []
    present = room._present
    room._present = lambda *a: (ticks.append(time.perf_counter()), present(*a))
    room.set_step(20)
    qtbot.waitUntil(lambda: all(monitor.value() == (20, 20) for monitor in slow))
    assert min(b - a for a, b in itertools.pairwise(ticks)) > 0.045, "30 ms of drawing, then idle ticks"


def test_a_store_that_cannot_be_read_is_said_once(qtbot, caplog):
    def broken(uid):
        raise OSError("the disk is gone")

    pump = Pump(broken)
    said = []
    pump.failed.connect(said.append)
    pump.set_runs("a")
    qtbot.waitUntil(lambda: bool(said))
    qtbot.wait(300)
    assert said == ["the disk is gone"]
    pump.close()


def test_a_mark_that_comes_just_after_the_marks_were_read_is_read_as_well(room, run, qtbot):
    marks = []
    room.marksChanged.connect(marks.append)
    run.say(Mark(at=At(step=20, seconds=2), kind="checkpoint", text="one"))
    room.set_runs("a")
    qtbot.waitUntil(lambda: bool(marks) and len(marks[-1]) == 1)
    run.say(Mark(at=At(step=50, seconds=5), kind="checkpoint", text="the last"))
    qtbot.waitUntil(lambda: len(marks[-1]) == 2)


def test_marks_and_places_reach_the_timeline(room, run, qtbot):
    marks, places = [], []
    room.marksChanged.connect(marks.append)
    room.placed.connect(places.append)
    run.say(Mark(at=At(step=50, seconds=5), kind="best", text="best"))
    room.set_runs("a")
    qtbot.waitUntil(lambda: bool(marks) and len(marks[-1]) == 1)
    room.set_axis("seconds")
    qtbot.waitUntil(lambda: bool(places) and places[-1] == pytest.approx(5.0))


def test_clicking_in_a_picture_moves_the_cursor_of_all(room, run, qtbot):
    one, other = room.put(Count(), Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: other.value() == (50, 50))
    one.cursorRequested.emit(7)
    qtbot.waitUntil(lambda: other.value() == (7, 7))
    assert not room.cursor.follows_head


def test_no_run_clears_every_picture(room, run, qtbot):
    count = room.put(Count())
    room.set_runs("a")
    qtbot.waitUntil(lambda: count.value() == (50, 50))
    room.set_runs()
    assert count.value() is None
    assert "Press Run" in count.message()


def test_close_leaves_no_thread_no_timer_and_closes_readers(run, qtbot):
    pump = Pump(lambda uid: run)
    pump.set_runs("a")
    qtbot.waitUntil(lambda: pump.head.step == 50)
    pump.close()
    pump.close()
    assert run.closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pump-reader")]
    assert not pump._timer.isActive()
