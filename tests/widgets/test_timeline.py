"""The timeline: drag, step, play, loop, jump, and back to live."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.store.answers import Head, MarkFacts
from widgets.timeline import Timeline, clock

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


@pytest.fixture
def timeline(qtbot):
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(1200, 44)
    widget.set_head(Head(step=400, seconds=80.0, steps=600, status="running", revision=1))
    widget.set_marks(
        [
            MarkFacts(step=100, seconds=20, kind="checkpoint", text=""),
            MarkFacts(step=250, seconds=50, kind="warning", text="collapse?"),
            MarkFacts(step=400, seconds=80, kind="best", text=""),
        ]
    )
    widget.show()
    widget.moved = []
    widget.cursorMoved.connect(widget.moved.append)
    return widget


def at(timeline, step):
    return QPoint(round(timeline.bar.x_at(step)), timeline.bar.height() // 2 + 3)


def test_live_follows_the_head(timeline):
    assert timeline.is_live
    assert timeline.step == 400
    timeline.set_head(Head(step=410, seconds=82.0, steps=600, status="running", revision=2))
    assert timeline.step == 410


def test_a_click_on_the_bar_leaves_live_and_asks_for_that_step(timeline):
    QTest.mouseClick(timeline.bar, Qt.MouseButton.LeftButton, pos=at(timeline, 180))
    assert timeline.moved
    assert abs(timeline.moved[-1] - 180) <= 1
    assert not timeline.is_live
    timeline.set_head(Head(step=450, seconds=90.0, steps=600, status="running", revision=3))
    assert timeline.step == timeline.moved[-1], "training goes on, the cursor stays"


def test_dragging_past_the_head_stops_at_the_head(timeline):
    QTest.mousePress(timeline.bar, Qt.MouseButton.LeftButton, pos=at(timeline, 50))
    QTest.mouseMove(timeline.bar, at(timeline, 590))
    QTest.mouseRelease(timeline.bar, Qt.MouseButton.LeftButton, pos=at(timeline, 590))
    assert timeline.step == 400


def test_a_click_near_a_mark_lands_on_it(timeline):
    QTest.mouseClick(timeline.bar, Qt.MouseButton.LeftButton, pos=at(timeline, 250) + QPoint(3, 0))
    assert timeline.moved[-1] == 250


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ([Qt.Key.Key_Left], 399), ([Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right], 399), ([Qt.Key.Key_Home], 0),
        ([Qt.Key.Key_BracketLeft], 250), ([Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketLeft], 100),
        ([Qt.Key.Key_Home, Qt.Key.Key_BracketRight], 100),
    ],
)  # fmt: skip
def test_keys_move_the_cursor(timeline, keys, step):
    for key in keys:
        QTest.keyClick(timeline, key)
    assert timeline.step == step


@pytest.mark.parametrize("key", [Qt.Key.Key_L, Qt.Key.Key_End])
def test_one_key_returns_to_live(timeline, key, qtbot):
    timeline.set_cursor(10, follows_head=False)
    with qtbot.waitSignal(timeline.liveRequested):
        QTest.keyClick(timeline, key)


def test_playing_goes_at_the_training_pace_times_the_speed(timeline):
    timeline.set_cursor(0, follows_head=False)
    timeline.set_speed(8)
    timeline.play()
    timeline.advance(2.0)  # the run made 5 steps a second
    assert timeline.step == 80
    timeline.set_speed(0.5)
    timeline.advance(2.0)
    assert timeline.step == 85
    timeline.pause()
    assert not timeline.is_playing


def test_playing_a_run_that_trains_arrives_at_live(timeline, qtbot):
    timeline.set_cursor(390, follows_head=False)
    timeline.play()
    with qtbot.waitSignal(timeline.liveRequested):
        timeline.advance(60.0)
    assert not timeline.is_playing


def test_playing_a_past_run_rests_at_its_end(timeline, qtbot):
    timeline.set_head(Head(step=400, seconds=80.0, steps=400, status="finished", revision=9))
    timeline.set_cursor(390, follows_head=False)
    timeline.play()
    with qtbot.assertNotEmitted(timeline.liveRequested):
        timeline.advance(60.0)
    assert (timeline.step, timeline.is_playing) == (400, False)


def test_a_range_is_repeated(timeline):
    QTest.mousePress(timeline.bar, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, at(timeline, 100))
    QTest.mouseMove(timeline.bar, at(timeline, 200))
    QTest.mouseRelease(
        timeline.bar, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, at(timeline, 200)
    )  # fmt: skip
    first, last = timeline.loop
    assert abs(first - 100) <= 1
    assert abs(last - 200) <= 1
    timeline.play()
    timeline.set_speed(1)
    timeline.advance((last - first) / 5 + 1)
    assert timeline.step == first
    assert timeline.is_playing
    QTest.keyClick(timeline, Qt.Key.Key_Escape)
    assert timeline.loop is None
    timeline.pause()


def test_the_space_key_plays_and_pauses(timeline, qtbot):
    timeline.set_cursor(0, follows_head=False)
    QTest.keyClick(timeline, Qt.Key.Key_Space)
    assert timeline.is_playing
    qtbot.waitUntil(lambda: timeline.step > 0)
    QTest.keyClick(timeline, Qt.Key.Key_Space)
    assert not timeline.is_playing


def test_the_axis_is_announced_and_shown(timeline, qtbot):
    with qtbot.waitSignal(timeline.axisChanged) as caught:
        timeline._axes.setCurrentIndex(2)
    assert caught.args == ["seconds"]
    timeline.set_place(75.0)
    assert "1:15" in timeline._figures.text()


def test_an_empty_run_cannot_be_played(qtbot):
    empty = Timeline()
    qtbot.addWidget(empty)
    empty.play()
    assert not empty.is_playing


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (75.9, "1:15"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def opened(timeline, place):
    """The menu of a right click, or None."""
    spot = timeline.bar.mapTo(timeline, place)
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(timeline, QContextMenuEvent(reason, spot, timeline.mapToGlobal(spot)))
    return next((menu for menu in timeline.findChildren(QMenu) if menu.isVisible()), None)


@pytest.mark.parametrize(("place", "step"), [(100, 100), (103, 100), (260, 250), (500, 400)])
def test_a_right_click_forks_from_the_checkpoint_at_hand(timeline, qtbot, place, step):
    timeline.set_kept([400, 100, 250])
    wishes = []
    timeline.forkRequested.connect(wishes.append)
    menu = opened(timeline, at(timeline, place))
    assert [action.text() for action in menu.actions()] == [
        f"Fork from the checkpoint at step {step}…", f"Show step {step}", "Open experiment",
    ]  # fmt: skip
    timeline.openRequested.connect(lambda: wishes.append("open"))
    for action in menu.actions():
        action.trigger()
    assert (wishes, timeline.step) == ([step, "open"], step)
    menu.close()


def test_before_the_first_kept_checkpoint_the_menu_says_why_not(timeline):
    timeline.set_kept([400])
    menu = opened(timeline, at(timeline, 100))
    entry, opens = menu.actions()
    assert opens.isEnabled()
    assert not entry.isEnabled()
    assert "no kept checkpoint" in entry.toolTip()
    menu.close()


def test_the_menu_key_forks_from_the_cursor(timeline):
    timeline.set_kept([100, 250])
    timeline.set_cursor(120, False)
    QApplication.sendEvent(timeline, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(5, 5)))
    (menu,) = (menu for menu in timeline.findChildren(QMenu) if menu.isVisible())
    assert "step 100" in menu.actions()[0].text()
    menu.close()
