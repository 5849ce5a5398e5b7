"""Events in time: what was found lies under what is true, at its seconds, with its share of common time."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF

from core.telemetry.events import At, Segments
from core.telemetry.spans import Span
from tests.widgets.monitors.memory_run import MemoryRun
from widgets.monitors.cursor import Cursor
from widgets.monitors.time.marked import MarkedMonitor
from widgets.monitors.time.marked_times import Drawn, MarkedSettings, read_marked, shared_seconds


def said(step, *rows, kind=""):
    spans, labels, scores, over = (tuple(column) for column in zip(*rows)) if rows else ((), (), (), ())
    return Segments(
        at=At(step=step, seconds=step),
        series=f"segments/detector{kind}",
        spans=spans,
        labels=labels,
        scores=scores,
        over=over,
    )


def row(start, end, label, score=1.0, over="test/3"):
    return Span(start=start, end=end), label, score, over


@pytest.fixture
def run():
    made = MemoryRun(steps=100)
    for step, late in ((10, 1.0), (50, 0.0)):
        made.say(
            said(step, row(0.0, 1.0, "dog"), row(2.0, 4.0, "rain"), row(1.0, 2.0, "dog", over="test/12"), kind="/true")
        )
        made.say(said(step, row(late, late + 1, "dog", 0.7), row(2.0, 3.0, "rain", 0.9)))
    return made


def at(run, step):
    return read_marked(MarkedSettings(), [run], Cursor(runs=("a",), step=step))


def test_clips_are_those_of_the_step_in_the_order_of_their_numbers(run):
    assert at(run, 9) is None
    early, late = at(run, 49), at(run, 100)
    assert (early.step, late.step) == (10, 50)
    assert [clip.name for clip in late.clips] == ["test/3", "test/12"]
    assert late.clips[0].found[0] == Drawn(span=Span(start=0.0, end=1.0), label="dog", score=pytest.approx(0.7))
    assert [clip.agreement for clip in early.clips] == [pytest.approx(1 / 4), 0.0]
    assert [clip.agreement for clip in late.clips] == [pytest.approx(2 / 3), 0.0]
    assert (late.all_series, late.labels, late.seconds, late.has_true) == (
        ("segments/detector",),
        ("dog", "rain"),
        4.0,
        True,
    )


def test_common_time_counts_a_moment_once():
    true = [
        Drawn(span=Span(start=0.0, end=2.0), label="a", score=1.0),
        Drawn(span=Span(start=1.0, end=3.0), label="a", score=1.0),
    ]
    found = [
        Drawn(span=Span(start=2.0, end=4.0), label="a", score=1.0),
        Drawn(span=Span(start=0.0, end=1.0), label="b", score=1.0),
    ]
    assert shared_seconds(true, found) == (1.0, 5.0)


def test_spans_are_drawn_at_their_seconds_true_above_found(qtbot, run):
    monitor = MarkedMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(600, 240)
    monitor.show()
    monitor.present(at(run, 100))
    drawn = {(one.label, is_true): box for one, box, is_true in monitor.tracks.spans() if box.top() < 60}
    true, found = drawn["rain", True], drawn["rain", False]
    assert true.bottom() < found.top() + 1
    assert true.left() == pytest.approx(found.left())
    assert true.width() == pytest.approx(2 * found.width())
    assert monitor.tracks.words_at(found.center()) == "rain · 2.00 to 3.00 s · probability 0.90"
    assert monitor.tracks.words_at(true.center()).endswith("true")
    assert monitor.tracks.words_at(QPointF(1, 1)) == ""
    assert "33 %" in monitor.figures.text().replace("33%", "33 %")


def test_without_true_spans_there_is_one_lane(qtbot):
    run = MemoryRun(steps=100)
    run.say(said(10, row(0.5, 1.0, "h")))
    monitor = MarkedMonitor()
    qtbot.addWidget(monitor)
    monitor.resize(400, 200)
    monitor.present(at(run, 10))
    assert [is_true for *_, is_true in monitor.tracks.spans()] == [False]
    assert "common" not in monitor.figures.text()
