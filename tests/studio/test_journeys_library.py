"""Journeys in the library of runs: compare, rename, delete and take back, export, open the drawing, fork."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from core.graph import edits
from core.graph.document import Document
from core.runs.execute import execute
from core.runs.launch import queue
from core.store.database import Store
from core.store.library import Library
from tests.documents import tiny_clip
from tests.studio.journey import LEFT, NO, Person
from tests.studio.window.test_context_menus import put_away, right_click
from widgets.fork_sheet import ForkSheet
from widgets.look.theme import theme
from widgets.monitors.plot import Plot

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")

KEYS = Qt.Key


@pytest.fixture
def two_runs(tmp_path) -> list[str]:
    """Two finished runs in the store that a person will open, of 12 and of 20 steps."""
    with Store.open(tmp_path / "runs.sqlite") as store:
        library = Library(store)
        uids = []
        for steps, rate in ((12, 0.001), (20, 0.01)):
            document = tiny_clip(steps=steps, learning_rate=rate, callbacks={"checkpointing": {"every": 5, "last": 9}})
            uids.append(queue(library, document, name=f"run of {steps}").uid)
            assert execute(store, uids[-1]) == "finished"
    return uids


def open_library(person: Person) -> None:
    """The page of runs, filled."""
    person.runs()
    person.go_to("Runs")


def curves(person: Person) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Colour and points of every clear line in the comparison."""
    plots = person.window.rooms.runs().comparing.curves.findChildren(Plot)
    items = [item for plot in plots for item in plot.listDataItems() if item.isVisible() and item.zValue() == 2]
    return [(item.opts["pen"].color().name(), *item.getData()) for item in items]


def test_two_runs_are_laid_over_each_other(sit_down, two_runs, tmp_path, monkeypatch):
    person = sit_down(Document())
    open_library(person)
    library = person.window.library
    assert not person.button("Compare", library).isEnabled()
    person.pick_runs(*two_runs)
    person.click(person.button("Compare", library))
    assert library.compare.isVisible()
    person.wait(lambda: len(curves(person)) == 2 and person.window.rooms.runs().comparing.is_idle())
    found = curves(person)
    order = [facts.uid for facts in library.compare.runs()]
    assert sorted(int(x[-1]) for _, x, _ in found) == [12, 20]
    for uid, (colour, x, _), expected in zip(order, found, theme().series):
        assert int(x[-1]) == person.session.facts(uid).step
        assert colour == expected.lower()
    assert [
        "training recipe",
        "steps",
        *[str(person.session.facts(uid).steps) for uid in order],
    ] in library.compare.settings_rows()
    place = tmp_path / "comparison.png"
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(place), ""))
    person.click(person.button("Save as image", library.compare))
    assert QImage(str(place)).width() > 300
    person.click(person.button("Back to the table", library.compare))
    assert library.view.isVisible()
    assert set(library.selected()) == set(two_runs)


def test_a_run_that_trains_grows_in_the_comparison(sit_down, two_runs):
    person = sit_down(tiny_clip(steps=5000))
    person.wait(lambda: person.window.menus.entry("run").isEnabled())
    person.click(person.button("Run", person.window.top))
    person.wait(lambda: person.session.watched)
    uid = person.session.watched
    person.wait(lambda: person.session.library.reader(uid).head().step > 20)
    open_library(person)
    person.pick_runs(two_runs[0], uid)
    person.click(person.button("Compare", person.window.library))
    person.wait(lambda: len(curves(person)) == 2)
    longest = max(int(x[-1]) for _, x, _ in curves(person))
    person.wait(lambda: max(int(x[-1]) for _, x, _ in curves(person)) > longest)
    person.choose("stop")
    person.wait(lambda: person.ended(uid))


def test_rename_search_delete_and_take_back(sit_down, two_runs):
    person = sit_down(Document())
    open_library(person)
    library, uid = person.window.library, two_runs[0]
    person.pick_runs(uid)
    row = [facts.uid for facts in library.shown()].index(uid)
    library.view.setCurrentIndex(library.filter.index(row, person.column("name")))
    person.press(KEYS.Key_F2, on=library.view)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "the <b>good</b> one")
    QTest.keyClick(editor, KEYS.Key_Return)
    person.wait(lambda: person.session.facts(uid).name == "the <b>good</b> one")
    assert "<b>" not in library.filter.index(row, person.column("name")).data(Qt.ItemDataRole.ToolTipRole)
    search = next(
        field for field in library.findChildren(QLineEdit) if field.accessibleName() == "Search name, tags, notes"
    )
    QTest.mouseClick(search, LEFT, NO)
    QTest.keyClicks(search, "good")
    person.wait(lambda: [facts.uid for facts in library.shown()] == [uid])  # the search waits for a pause in typing
    search.clear()
    person.pick_runs(*two_runs)
    person.press(KEYS.Key_Delete, on=library.view)
    assert person.runs() == []
    assert person.texts(library, "2 runs are deleted.")
    person.click(person.button("Undo", library))
    assert {facts.uid for facts in person.runs()} == set(two_runs)
    assert {facts.uid for facts in library.shown()} == set(two_runs)


def test_export_the_table_its_picture_and_every_point(sit_down, two_runs, tmp_path, monkeypatch):
    person = sit_down(Document())
    open_library(person)
    library = person.window.library
    person.pick_runs(*two_runs)
    entries = {entry.text(): entry for entry in person.button("Export", library).menu().actions() if entry.text()}
    assert len(entries) == 6
    tables, models = list(entries.values())[:3], list(entries.values())[-2:]
    assert not any(entry.isEnabled() for entry in models)  # a model is of one run
    assert entries["Selected runs to TensorBoard…"].isEnabled()
    for number, entry in enumerate(tables):
        place = tmp_path / f"export{number}{'.png' if number == 1 else '.csv'}"
        monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_, p=place: (str(p), ""))
        entry.trigger()
        person.wait(place.exists)
    with (tmp_path / "export0.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert QImage(str(tmp_path / "export1.png")).height() > 100
    person.wait(lambda: any("points written" in said for said in person.said))
    with (tmp_path / "export2.csv").open(encoding="utf-8-sig", newline="") as file:
        points = [row for row in csv.DictReader(file) if row["series"] == "loss"]
    assert len(points) == 32
    monkeypatch.setattr(
        "PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "no" / "where.png"), "")
    )
    for entry in tables:
        person.said.clear()
        entry.trigger()
        person.wait(lambda: person.said)
        assert "cannot be written" in person.said[-1]


def test_open_its_drawing_and_fork_from_this_step(sit_down, two_runs):
    person = sit_down(Document())
    open_library(person)
    library, uid = person.window.library, two_runs[1]
    person.pick_runs(uid)
    person.click(person.button("Open experiment", library))
    assert person.window.pages.current == "design"
    assert person.session.document.recipe.learning_rate == 0.01
    person.set_recipe(steps=16)
    person.session.watch(uid)
    person.wait(lambda: person.window.pump.head.step == 20)
    person.window.pump.set_step(3)
    person.choose("fork_run")
    assert "no checkpoint at or before step 3" in person.said[-1]
    person.window.pump.set_step(11)
    person.choose("fork_run")
    person.wait(lambda: person.session.watched != uid)
    fork = person.session.watched
    person.wait(lambda: person.ended(fork))
    facts = person.session.facts(fork)
    assert (facts.status, facts.parent, facts.parent_step, facts.step) == ("finished", uid, 11, 16), facts.reason
    assert [step for step, _ in person.losses(fork)] == list(range(11, 17))
    open_library(person)
    person.pick_runs(uid)
    menu = person.button("Fork from…", library).menu()
    assert [entry.data()[1] for entry in menu.actions()] == [20, 15, 10, 5]
    menu.actions()[3].trigger()
    person.wait(lambda: person.session.watched not in (uid, fork))
    last = person.session.watched
    person.wait(lambda: person.ended(last))
    assert person.losses(last)[0][0] == 6


def test_a_fork_with_a_changed_graph_is_read_before_it_starts(sit_down, two_runs):
    person = sit_down(Document())
    open_library(person)
    uid = two_runs[1]
    person.session.watch(uid)
    person.wait(lambda: person.window.timeline.bar.head.step == 20)
    person.window.timeline.openRequested.emit()
    assert person.window.pages.current == "design"
    person.set_recipe(steps=14)
    for key in ("projection", "projection_2"):
        person.session.edit(edits.set_knob(person.session.document, key, "width", 24), "wider")
    person.analysed()
    person.session.watch(uid)
    person.wait(lambda: person.window.timeline.bar.head.step == 20)
    timeline = person.window.timeline
    person.wait(lambda: timeline._kept == (5, 10, 15, 20))
    timeline.forkRequested.emit(20)
    assert "begin at step 20 and its recipe ends at 14" in person.said[-1]
    runs = len(person.runs())
    for answer in ("Cancel", "Ok"):
        menu = right_click(timeline, timeline.bar.geometry().topLeft() + QPoint(round(timeline.bar.x_at(10)) + 3, 10))
        menu.actions()[0].trigger()
        put_away(menu)
        person.wait(lambda: person.window.findChild(ForkSheet) is not None)
        sheet = person.window.findChild(ForkSheet)
        rows = [sheet.list.topLevelItem(row) for row in range(sheet.list.topLevelItemCount())]
        told = {item.text(0): (item.text(1), item.text(2)) for item in rows}
        assert told["Projection"] == ("begins anew", "linear.weight was 16 × 24 and is 24 × 24.")
        assert told["ViT"] == ("carried", "")
        assert rows[0].text(1) == "begins anew"
        assert "from step 10 to step 14" in sheet.lead.text()
        assert len(person.runs()) == runs
        person.click(sheet.buttons.button(getattr(sheet.buttons.StandardButton, answer)))
        person.wait(lambda: person.window.findChild(ForkSheet) is None)
    person.wait(lambda: person.session.watched != uid)
    fork = person.session.watched
    person.wait(lambda: person.ended(fork))
    assert person.session.facts(fork).status == "finished", person.session.facts(fork).reason
    assert [step for step, _ in person.losses(fork)] == [11, 12, 13, 14]
