"""The page of sweeps: what it shows, what its buttons wish, brushing, clicking a configuration, empty states, both themes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from core.runs.verdict import sentence, table
from tests.widgets.sweeps.made import ONE, TWO, facts, result, trials
from widgets.look.sides import metric_words
from widgets.look.theme import apply_theme, theme
from widgets.sweeps.scale import scale_of, value_scale
from widgets.sweeps.sweeps import SweepsView
from widgets.sweeps.words import verdict_sentence


@pytest.fixture
def view(qtbot):
    made = SweepsView()
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    qtbot.waitExposed(made)
    made.heard = []
    for name in (
        "sweepChosen", "newRequested", "planRequested", "goOnRequested", "pauseRequested", "stopRequested", "deleteRequested",
        "moveSweepRequested", "continueOnErrorChanged", "skipRequested", "requeueRequested", "moveRequested", "openRunRequested",
        "exportRequested",
    ):  # fmt: skip
        getattr(made, name).connect(lambda *args, name=name: made.heard.append((name, *args)))
    return made


def show(view: SweepsView, sweep=ONE, done=None, **options) -> None:
    plan, found, table = result(sweep, done)
    view.set_sweeps([facts("a", found, **options)])
    view.show_sweep("a", plan, found, table)
    view.heard.clear()


def press(view: SweepsView, key: str) -> None:
    QTest.mouseClick(view.buttons[key], Qt.MouseButton.LeftButton)


def test_without_a_sweep_it_says_what_to_do(view):
    view.set_own("drawing", "", "")
    assert view.pages.currentIndex() == 0
    assert not view.new.isEnabled()
    assert view.empty.words.text().startswith("No sweep yet.")
    QTest.mouseClick(view.empty.button, Qt.MouseButton.LeftButton)
    assert view.heard == [("planRequested",)]
    view.heard.clear()
    view.set_own("drawing", "2 configurations × 3 seeds = 6 runs", "")
    assert view.empty.words.text() == "The plan of drawing has not run yet.\n2 configurations × 3 seeds = 6 runs"
    QTest.mouseClick(view.empty.button, Qt.MouseButton.LeftButton)
    assert view.heard == [("newRequested",)]
    view.heard.clear()
    QTest.mouseClick(view.new, Qt.MouseButton.LeftButton)
    assert view.heard == [("newRequested",)]
    view.set_own("drawing", "2 configurations", "a setting is gone")
    assert not view.new.isEnabled()
    assert not view.empty.button.isEnabled()
    assert "a setting is gone" in view.own.text()


def test_a_sweep_shows_verdict_configurations_and_trials(view):
    show(view)
    assert view.verdict.text().startswith("τ 0.1 is better than τ 0.01 by 10.0 pp")
    assert view.configurations.rowCount() == 3
    assert view.trials.rowCount() == 9
    assert view.trials.index(4, 4).data() == "30.4 %"
    assert [name for name, _ in view.plot.marks()] == ["τ 0.01", "τ 0.1", "τ 1"]
    assert view.parallel.isHidden()
    heights = {name: point.y() for name, point in view.plot.marks()}
    assert heights["τ 0.1"] < heights["τ 0.01"] - 20  # higher is up


def test_the_verdict_is_the_engines_in_english():
    for sweep in (ONE, TWO, replace(ONE, direction="lower"), replace(ONE, seeds=1)):
        for done in (None, 0, 1, 2):
            _, _, table = result(sweep, done)
            assert verdict_sentence(table) == sentence(table)


def test_buttons_are_possible_where_they_make_sense(view):
    show(view, done=4)
    enabled = {key for key, button in view.buttons.items() if button.isEnabled()}
    assert enabled == {"pause", "stop", "export"}
    press(view, "pause")
    press(view, "stop")
    assert view.heard == [("pauseRequested", "a"), ("stopRequested", "a")]
    show(view, done=4, state="paused", alive=False)
    press(view, "go_on")
    assert view.heard == [("goOnRequested", "a")]
    show(view, state="finished", alive=False)
    assert not view.buttons["go_on"].isEnabled()


def test_trials_are_moved_skipped_run_again_and_opened(view):
    show(view, done=4)
    view.tabs.setCurrentIndex(1)
    view.trial_view.selectRow(6)
    assert view.selected() == (6,)
    for key in ("up", "down", "skip"):
        press(view, key)
    assert view.heard == [("moveRequested", "a", 6, -1), ("moveRequested", "a", 6, 1), ("skipRequested", "a", (6,))]
    assert not view.buttons["open"].isEnabled()
    view.trial_view.selectRow(2)
    view.heard.clear()
    press(view, "open")
    assert view.heard == [("openRunRequested", "run-2")]
    view.heard.clear()
    view.trial_view.doubleClicked.emit(view.trials.index(1, 0))
    assert view.heard == [("openRunRequested", "run-1")]
    plan, found, table = result(ONE, 4)
    found[7] = replace(found[7], state="failed", reason="it broke\nin two lines")
    view.show_sweep("a", plan, found, table)
    view.trial_view.selectRow(7)
    view.heard.clear()
    press(view, "requeue")
    assert view.heard == [("requeueRequested", "a", (7,))]
    assert view.trials.index(7, 3).data() == "failed: it broke"


def test_selection_survives_news(view):
    show(view, done=3)
    view.tabs.setCurrentIndex(1)
    view.trial_view.selectRow(5)
    plan, found, table = result(ONE, 4)
    view.set_sweeps([facts("a", found)])
    view.show_sweep("a", plan, found, table)
    assert view.selected() == (5,)


def test_a_click_on_a_mean_shows_its_trials(view):
    show(view)
    name, point = view.plot.marks()[1]
    QTest.mouseClick(view.plot, Qt.MouseButton.LeftButton, pos=point.toPoint())
    assert view.tabs.currentIndex() == 1
    assert view.trials.index(view.trial_view.selectionModel().selectedRows()[0].row(), 1).data() == name


def test_brushing_an_axis_keeps_what_crosses_it(view, qtbot):
    show(view, TWO)
    assert not view.parallel.isHidden()
    qtbot.waitUntil(lambda: view.parallel.width() > 200)
    x = round(view.parallel.axis_x(0))
    top, bottom = round(view.parallel._y(1.0)), round(view.parallel._y(0.75))
    QTest.mousePress(view.parallel, Qt.MouseButton.LeftButton, pos=QPoint(x, top))
    QTest.mouseMove(view.parallel, QPoint(x, bottom))
    QTest.mouseRelease(view.parallel, Qt.MouseButton.LeftButton, pos=QPoint(x, bottom))
    kept = view.parallel.kept()
    assert kept == {"vit.width 128 · pool.how mean", "vit.width 128 · pool.how attention"}
    assert view.trials.rowCount() == 4
    QTest.mouseClick(view.parallel, Qt.MouseButton.LeftButton, pos=QPoint(x, bottom))
    assert view.parallel.kept() is None
    assert view.trials.rowCount() == 12


def test_another_axis_lies_along_the_bottom(view):
    show(view, TWO)
    assert view.across.count() == 2
    before = [point.x() for _, point in view.plot.marks()]
    view.across.setCurrentIndex(1)
    view.across.activated.emit(1)
    assert len({round(point.x()) for _, point in view.plot.marks()}) == 2
    assert before != [point.x() for _, point in view.plot.marks()]


def test_a_cost_is_drawn_upwards(view):
    show(view)
    assert [view.up.itemText(i) for i in range(view.up.count())] == [metric_words(ONE.metric), "seconds"]
    view.up.setCurrentIndex(1)
    view.up.activated.emit(1)
    heights = [point.y() for _, point in view.plot.marks()]
    assert heights == sorted(heights, reverse=True)  # later trials took longer
    assert heights[0] > heights[2] + 50
    show(view)
    assert view.up.currentIndex() == 1


def test_a_new_sweep_is_chosen_and_the_queue_is_moved(view):
    found = trials(ONE, 0)
    view.set_sweeps([facts("a", found)])
    view.set_sweeps([facts("a", found), facts("b", found)])
    assert view.chosen() == "b"
    assert view.heard[-1] == ("sweepChosen", "b")
    view._move_sweep(-1)
    assert view.heard[-1] == ("moveSweepRequested", "b", -1)
    view.set_sweeps([facts("b", found), facts("a", found)])
    assert view.chosen() == "b"


def test_continue_on_error_is_a_wish(view):
    show(view)
    QTest.mouseClick(view.on_error, Qt.MouseButton.LeftButton, pos=QPoint(8, view.on_error.height() // 2))
    assert view.heard == [("continueOnErrorChanged", "a", False)]


def test_the_table_is_exported_where_a_person_says(view, monkeypatch, tmp_path):
    show(view)
    path = str(tmp_path / "table.tex")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (path, ""))
    view.buttons["export"].menu().actions()[2].trigger()
    assert view.heard == [("exportRequested", "a", "tex", path)]


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("sweep", [ONE, TWO])
def test_both_themes_draw_the_plots(view, name, sweep):
    apply_theme(QApplication.instance(), name)
    show(view, sweep)
    for plot in [view.plot, *([view.parallel] if sweep is TWO else [])]:
        image = plot.grab().toImage()
        assert image.pixelColor(1, 1) == QColor(theme().panel)
        colours = {
            image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)
        }
        assert len(colours) > 5
    apply_theme(QApplication.instance(), "dark")


def test_scales_place_values_as_people_expect():
    decades = scale_of(ONE.axes[0], [0.01, 0.1, 1.0])
    assert decades.logarithmic
    assert decades.place(0.1) == pytest.approx(0.5)
    assert decades.place(0) is None
    assert next(text for _, text in decades.ticks()) == "0.01"
    names = scale_of(TWO.axes[1], ["mean", "attention"])
    assert names.place("attention") == 0.75
    share = value_scale("R@1", [0.2, 0.4], True)
    assert share.place(0.3) == pytest.approx(0.5)
    assert all(text.endswith("%") for _, text in share.ticks())
    assert value_scale("x", [], False).ticks()


def test_a_cost_that_is_weighed_lies_along_the_bottom_and_the_front_is_drawn(view):
    weighing = replace(TWO, against="parameters")
    plan, found, _ = result(weighing)
    sized = [replace(trial, figures={"parameters": 10.0 ** (trial.number // 2)}) for trial in found]
    view.set_sweeps([facts("a", sized)])
    view.show_sweep("a", plan, sized, table(plan, sized))
    assert view.drawn.currentWidget() is view.front
    assert view.across.currentText() == "parameters"
    marks, line = view.front.marks(), view.front.front()
    assert len(marks) == 6
    assert list(line) == list(table(plan, sized).front)
    across = [marks[name].x() for name in line]
    assert across == sorted(across), "the cheapest first"
    assert all(marks[one].y() > marks[other].y() for one, other in itertools.pairwise(line)), "the dearer the better"
    assert "No other is better in both" in view.verdict.text()
    QTest.mouseClick(view.front, Qt.MouseButton.LeftButton, pos=marks[line[0]].toPoint())
    assert view.tabs.currentIndex() == 1, "its trial"
    view.across.setCurrentIndex(0)
    view.across.activated.emit(0)
    assert view.drawn.currentWidget() is view.plot
    show(view)
    assert view.drawn.currentWidget() is view.plot, "without a cost the axis lies there"
