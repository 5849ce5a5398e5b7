"""The bar along the top: the device is a chip in it, not a wall."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from widgets.look.icons import icon
from widgets.look.theme import theme
from widgets.message_bar import MessageBar
from widgets.run_chip import LEFT, RIGHT
from widgets.top_bar import TopBar


def test_the_device_is_a_chip_with_air_above_and_below(qtbot):
    bar = TopBar([("design", "Design")])
    qtbot.addWidget(bar)
    bar.resize(1200, 44)
    bar.set_device("GPU 0 63 % · CPU 98 %")
    bar.show()
    chip = bar._device.geometry()
    assert chip.height() <= bar.height() - 12
    assert abs(chip.center().y() - bar.rect().center().y()) <= 1
    assert chip.right() <= bar.width() - 8


PAGES = [(word.lower(), word) for word in ("Design", "Data", "Train", "Inspect", "Runs", "Sweeps")]


def whole_bar(qtbot, width: int) -> TopBar:
    bar = TopBar(PAGES)
    qtbot.addWidget(bar)
    run, pause, stop = (QAction(word, bar) for word in ("Run", "Pause", "Stop"))
    for action in (run, pause, stop):
        action.setIcon(icon("run", theme().text))
    bar.set_controls(run, [pause, stop], QMenu(bar))
    bar.set_name("A document with a name of some length", True)
    bar.set_device("CPU 0 %")
    bar.resize(width, 44)
    bar.show()
    return bar


def places(bar: TopBar) -> list[int]:
    bar.layout().activate()
    return [button.x() for button in bar._buttons.values()]


@pytest.mark.parametrize("width", [820, 1024, 1440])
def test_pages_stay_under_the_mouse_whatever_a_run_says(qtbot, width):
    bar = whole_bar(qtbot, width)
    bar.set_device("CPU 100 %")
    before = places(bar)
    for words in (("No run",), ("preparing…", "mini-CLIP on emoji"), ("evaluating 29 % (+1)", "mini-CLIP", "50 / 60")):
        bar.run.show_run(*words)
        bar.set_device("CPU 7 %")
        assert places(bar) == before, words


@pytest.mark.parametrize("width", [820, 1024, 1440])
def test_pages_stay_under_the_mouse_whatever_the_experiment_is_called(qtbot, width):
    bar = whole_bar(qtbot, width)
    before = places(bar)
    for name, changed in (("untitled", False), ("untitled", True), ("Two frozen pretrained towers, once more", False)):
        bar.set_name(name, changed)
        assert places(bar) == before, name
        assert name in bar._name.toolTip()


def test_the_run_on_the_monitors_is_named_at_the_usual_size(qtbot):
    bar = whole_bar(qtbot, 1440)
    bar.run.show_run("training… (+1)", "mini-CLIP on emoji #12", "137 / 400 · 12 min left")
    bar.layout().activate()
    shown = bar.run._fitting(bar.run.width() - LEFT - RIGHT)
    assert shown.startswith("training… (+1) · 137 / 400 · 12 min left · ")
    assert shown.endswith("#12")


def test_the_number_of_a_run_is_not_cut_off(qtbot):
    bar = whole_bar(qtbot, 1024)
    bar.run.show_run("training…", "An experiment with a very long name indeed #12", "40 / 100 · 30 s left")
    shown = bar.run._fitting(260)
    assert shown.startswith("training… · 40 / 100 · 30 s left · ")
    assert shown.endswith("#12")
    assert bar.run.fontMetrics().horizontalAdvance(shown) <= 260
    assert bar.run._fitting(200) == "training… · 30 s left · #12", "the steps stand on the timeline too"
    assert bar.run._fitting(110) == "training… · #12"
    bar.run.show_run("No run on the monitors")
    assert bar.run._fitting(400) == "No run on the monitors"


@pytest.mark.parametrize("width", [720, 820, 1024, 1440])
def test_nothing_in_the_bar_lies_over_or_outside(qtbot, width):
    bar = whole_bar(qtbot, width)
    bar.layout().activate()
    assert bar._needed() <= width
    shown = [w for w in bar.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly) if w.isVisible()]
    ends = sorted((widget.x(), widget.x() + widget.width()) for widget in shown)
    assert ends[-1][1] <= width
    assert all(right <= left for (_, right), (left, _) in pairwise(ends))


def test_what_is_asked_is_forgotten_with_all_that_waits(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(600, 400)
    page.show()
    messages = MessageBar(page)
    for question in ("Recover?", "Stop?", "Saved."):
        messages.show_message(question, "warning", () if question == "Saved." else (("Yes", lambda: None),))
    messages.forget()
    assert messages.sentence == ""
