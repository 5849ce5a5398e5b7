"""Sweeps as a person makes them: right-click, run, watch, stop, resume, ablate, open a trial, export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu

from core.graph.configurations import Configuration
from core.store.sweeps import Sweeps
from tests.documents import tiny_clip
from tests.studio.journey import Person

SitDown = Callable[..., Person]


def drawn(steps: int = 4) -> Any:
    return tiny_clip(
        steps=steps, callbacks={"evaluation": {"every": 4, "most": 32, "train": False}, "checkpointing": {"every": 2}}
    )


def right_click(person: Person, node: str, knob: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting's own menu, and Sweep this setting in it."""
    opened: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, *args: opened.append(menu))
    person.window.canvas.select([node] if node else [])
    inspector = person.window.inspector
    form = inspector.node_page.form if inspector.node_page else inspector.document_page.form
    target = form.rows[knob].label
    where = target.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, target.mapToGlobal(where))
    QApplication.sendEvent(target, event)
    next(action for action in opened[0].actions() if action.objectName() == "sweep").trigger()


def test_a_setting_is_swept_watched_and_its_table_kept(
    sit_down: SitDown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    person = sit_down(drawn())
    window, session = person.window, person.session
    right_click(person, "info_nce", "temperature", monkeypatch)
    form = window.rooms.sweeps().form
    person.wait(form.isVisible)
    row = form.rows["info_nce.temperature"]
    row.values.setText("0.05, 0.5")
    row.values.editingFinished.emit()
    form.seeds.setValue(2)
    assert form.summary.text() == "2 configurations × 2 seeds = 4 runs"
    assert session.history.is_changed
    person.click(form.run)
    person.wait(lambda: window.pages.current == "sweeps")
    person.wait(lambda: session.sweeping.found and session.sweeping.found[0].state == "finished")
    person.wait(lambda: window.rooms.sweeps().view.trials.rowCount() == 4)
    person.wait(lambda: not session.sweeping.is_running())
    person.wait(
        lambda: (
            "0.5" in window.rooms.sweeps().view.verdict.text()
            and "2 seeds" in window.rooms.sweeps().view.verdict.text()
        )
    )
    assert window.rooms.sweeps().view.configurations.rowCount() == 2
    assert any("is finished" in sentence for sentence in person.said)
    assert len(person.runs()) == 4
    path = tmp_path / "table.md"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(path), ""))
    window.rooms.sweeps().view.buttons["export"].menu().actions()[1].trigger()
    assert path.read_text().count("| info_nce.temperature") == 2
    window.rooms.sweeps().view.tabs.setCurrentIndex(1)
    window.rooms.sweeps().view.trial_view.selectRow(3)
    person.click(window.rooms.sweeps().view.buttons["open"])
    assert window.pages.current == "train"
    assert session.watched == window.rooms.sweeps().view.trials.trials()[3].run


def test_stopped_it_waits_and_resumes_after_the_window_was_closed(
    sit_down: SitDown, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sit_down(drawn(3000))
    right_click(person, "", "weight_decay", monkeypatch)
    person.click(person.window.rooms.sweeps().form.run)
    sweeping = person.session.sweeping
    person.wait(lambda: sweeping.found and sweeping.sweeps.trials(sweeping.found[0].uid)[0].step > 2)
    uid = sweeping.found[0].uid
    view = person.window.rooms.sweeps().view
    person.wait(lambda: view.buttons["stop"].isEnabled())
    person.click(view.buttons["stop"])
    person.wait(lambda: not sweeping.is_running())
    person.wait(lambda: view.buttons["go_on"].isEnabled())
    first = sweeping.sweeps.trials(uid)[0]
    assert (first.state, first.run_status) == ("queued", "stopped")
    person.click(view.buttons["go_on"])
    person.wait(lambda: sweeping.sweeps.trials(uid)[0].step > first.step)
    person.close()  # in the middle of a trial
    person = sit_down(drawn())
    facts = Sweeps(person.store).facts(uid)
    assert facts.state == "paused"
    again = Sweeps(person.store).trials(uid)[0]
    assert (again.state, again.run) == ("queued", first.run)


def test_a_sweep_that_goes_on_at_once_after_a_stop_does_not_hold_the_window(
    sit_down: SitDown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the first thread is heard when the second one trains already."""
    person = sit_down(drawn(3000))
    right_click(person, "", "weight_decay", monkeypatch)
    person.click(person.window.rooms.sweeps().form.run)
    sweeping = person.session.sweeping
    person.wait(lambda: sweeping.found and sweeping.sweeps.trials(sweeping.found[0].uid)[0].step > 2)
    uid, first = sweeping.found[0].uid, sweeping._thread
    sweeping.stop(uid)
    first.join(60)  # what it says at its end waits for the window
    sweeping.go_on(uid)
    second = sweeping._thread
    assert second is not first
    reached = sweeping.sweeps.trials(uid)[0].step
    person.wait(lambda: sweeping.sweeps.trials(uid)[0].step > reached)  # the window hears both threads meanwhile
    assert sweeping.is_running()
    assert sweeping._thread is second


def test_blocks_are_ablated_from_the_canvas(sit_down: SitDown) -> None:
    person = sit_down(drawn())
    canvas = person.window.canvas
    canvas.select(["augment", "info_nce"])
    canvas.ablate()
    person.answered()
    sweep = person.session.document.sweep
    assert sweep is not None
    names = [change.name for change in sweep.axes[0].changes]
    assert names == ["full", "without augment"]
    assert any("cannot be trained" in sentence for sentence in person.said)
    assert person.window.rooms.sweeps().form.isVisible()
    person.session.undo()
    assert person.session.document.sweep is None
    person.session.redo()
    person.window.menus.entry("run_sweep").trigger()
    sweeping = person.session.sweeping
    person.wait(lambda: sweeping.found and sweeping.found[0].state == "finished")
    person.wait(lambda: not sweeping.is_running())
    configurations = {
        Configuration.from_json(trial.configuration).name for trial in sweeping.sweeps.trials(sweeping.found[0].uid)
    }
    assert configurations == set(names)


def test_without_a_sweep_the_command_says_how_to_make_one(sit_down: SitDown) -> None:
    person = sit_down(drawn())
    entry = person.window.menus.entry("run_sweep")
    assert not entry.isEnabled()
    assert "right-click a setting" in entry.toolTip()
    person.window.show_page("sweeps")
    assert person.texts(person.window.rooms.sweeps().view, "No sweep yet")
    person.window.menus.entry("plan_sweep").trigger()
    assert person.window.rooms.sweeps().form.isVisible()


def test_a_place_on_the_canvas_holds_alternatives(sit_down: SitDown) -> None:
    person = sit_down(tiny_clip())
    window, session = person.window, person.session
    window.canvas.alternativesRequested.emit("pool")
    person.wait(lambda: session.document.sweep is not None)
    (axis,) = session.document.sweep.axes
    assert [change.name for change in axis.changes] == ["Pooling", "Hierarchical pooling"]
    assert person.window.rooms.sweeps().form.isVisible()
    form = window.rooms.sweeps().form
    form.against.setCurrentIndex(form.against.findData("GFLOPs a sample"))
    form.against.activated.emit(form.against.currentIndex())
    assert session.document.sweep.against == "GFLOPs a sample"
    person.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier, on=window.canvas)
    person.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier, on=window.canvas)
    assert session.document.sweep is None, "each was one step"
