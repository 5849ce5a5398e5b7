"""Right clicks everywhere, then everything again: no menu takes with it what other places still show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolButton, QWidget

from core.runs.launch import queue
from core.store.answers import CheckpointFacts
from core.telemetry.events import At, Scalars, StatusChange
from tests.studio.journey import Person

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")
PAGES = ("design", "data", "train", "inspect", "query", "runs", "sweeps")


@pytest.fixture
def with_a_run(sit_down) -> Person:
    """A window with one run in its library, selected, that has a checkpoint."""
    person: Person = sit_down(None)
    library = person.session.library
    facts = queue(library, person.session.document)
    with_points = library.recorder(facts.uid)
    for step in range(3):
        with_points.say(Scalars(at=At(step=step, seconds=float(step)), values={"loss": 1.0 / (step + 1)}))
    with_points.say(StatusChange(at=At(step=2, seconds=2.0), status="stopped"))
    assert with_points.close()
    person.window.show_page("runs")
    person.pick_runs(facts.uid)
    person.window.library.set_checkpoints(facts.uid, [CheckpointFacts(step=2, path="there", kept=True)])
    return person


def right_click(widget: QWidget, at: QPoint) -> QMenu | None:
    """As the window system sends one; gives the menu that opened."""
    QTest.mousePress(widget, Qt.MouseButton.RightButton, pos=at)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    QTest.mouseRelease(widget, Qt.MouseButton.RightButton, pos=at)
    found = QApplication.activePopupWidget()
    return found if isinstance(found, QMenu) else None


def put_away(menu: QMenu) -> None:
    """Close a menu, and let go of what is deleted with it."""
    menu.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not shiboken6.isValid(menu), f"the menu of {menu} was left behind"


def visible(window: QWidget) -> Iterator[QWidget]:
    """One of each kind in each kind of place."""
    seen = set()
    for each in window.findChildren(QWidget):
        kind = (type(each), type(each.parent()), each.contextMenuPolicy())
        if each.isVisible() and each.window() is window and kind not in seen:
            seen.add(kind)
            yield each


def test_right_clicks_on_every_page_leave_nothing_dead(with_a_run: Person):
    window = with_a_run.window
    opened = set()
    for _ in range(2):  # what a first round broke, a second one meets
        for page in PAGES:
            window.show_page(page)
            for widget in list(visible(window)):
                if shiboken6.isValid(widget) and (menu := right_click(widget, widget.rect().center())) is not None:
                    opened.add(page)
                    put_away(menu)
    assert opened >= {"design", "runs"}
    for kind in (QMenu, QAction, QToolButton):
        assert all(shiboken6.isValid(each) for each in window.findChildren(kind))
    assert [b.menu() for b in window.findChildren(QToolButton) if b.menu() and not shiboken6.isValid(b.menu())] == []


def test_what_a_run_s_menu_offers_stays_with_the_buttons(with_a_run: Person):
    person, library = with_a_run, with_a_run.window.library
    wishes: list[tuple[str, int]] = []
    library.forkRequested.disconnect()
    library.forkRequested.connect(lambda uid, step: wishes.append((uid, step)))
    uid = library.selected()[0]
    for _ in range(2):
        menu = right_click(library.view.viewport(), library.view.visualRect(library.filter.index(0, 1)).center())
        assert menu is not None
        inside = {entry.text(): entry.menu() for entry in menu.actions() if entry.menu()}
        assert [entry.isEnabled() for entry in inside["Export"].actions() if entry.text()] == [True] * 6
        inside["Fork from…"].actions()[0].trigger()
        put_away(menu)
        library.set_runs(person.runs())
        library.select([uid])
        library.set_checkpoints(uid, [CheckpointFacts(step=2, path="there", kept=True)])
        person.button("Fork from…", library).menu().actions()[0].trigger()
    assert wishes == [(uid, 2)] * 4


def test_a_column_is_turned_on_from_the_header(with_a_run: Person):
    library = with_a_run.window.library
    before = library.table.column_keys()
    for _ in range(2):
        menu = right_click(library.view.horizontalHeader().viewport(), QPoint(20, 8))
        assert menu is not None
        menu.actions()[0].trigger()
        put_away(menu)
    assert set(library.table.column_keys()) == set(before)


def test_no_menu_is_put_inside_another():
    """``addMenu`` takes words, never a menu that lives elsewhere: it would be deleted with the one it was put into."""
    for file in [*(ROOT / "widgets").rglob("*.py"), *(ROOT / "studio").rglob("*.py")]:
        for given in re.findall(r"\.addMenu\(([^\n]*)", file.read_text(encoding="utf-8")):
            assert given.startswith(("tr(", '"', "icon(")), f"{file.relative_to(ROOT)}: addMenu({given}"
