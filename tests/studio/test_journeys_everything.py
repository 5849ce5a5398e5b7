"""Sweeps: every block on the canvas and under the inspector, every command of every menu, every page, both languages."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QMenu

from core.graph.document import Document
from studio.open.documents import DEFAULT_EXAMPLE, find_document
from tests.documents import tiny_clip
from tests.studio.journey import Person
from widgets.look.language import use_language
from widgets.look.theme import theme

KEYS = Qt.Key
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")
SUSPECT = ("Error:", "Exception", "Traceback", "NoneType")


@pytest.fixture
def no_dialogs(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A person who answers every question with nothing."""
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *_: ("", ""))
    monkeypatch.setattr("PySide6.QtWidgets.QInputDialog.getDouble", lambda *_: (0.0, False))
    monkeypatch.setattr(QMenu, "exec", lambda *_: None)


def close_sheets(person: Person) -> None:
    """Esc for whatever opened."""
    QApplication.processEvents()
    for sheet in person.window.findChildren(QDialog):
        sheet.close()
    QApplication.processEvents()


def every_entry(person: Person) -> list[tuple[str, QAction]]:
    """Every entry of every menu with where it stands."""
    menus = person.window.menus.menus
    return [
        (f"{name}: {entry.text()}", entry)
        for name, menu in menus.items()
        for entry in menu.actions()
        if not entry.isSeparator()
    ]


def is_of_looks(entry: QAction) -> bool:
    """Colours, language and size: the same whatever the document is, and each makes every widget anew."""
    looks = (
        "Light or dark",
        "High contrast",
        "Follow the desktop",
        "中文 / English",
        "Larger interface",
        "Smaller interface",
    )
    return entry.text() in looks


def test_every_block_is_drawn_looked_at_and_taken_back(sit_down):
    person = sit_down(Document())
    session, canvas = person.session, person.window.canvas
    blocks = list(session.vocabulary)
    assert len(blocks) > 20
    for number, block in enumerate(blocks):
        node = person.add_by_drag(block, QPointF(260 * (number % 8), 320 * (number // 8)))
        canvas.select([node])
        page = person.window.inspector.node_page
        assert page is not None, block
        spec = session.vocabulary.spec(block)
        assert set(page.form.rows) >= {knob.name for knob in spec.knobs}, block
    person.analysed()
    assert not [p.what for p in session.analysis.problems if any(word in p.what for word in SUSPECT)]
    canvas.fit_all()
    QApplication.processEvents()
    canvas.select_all()
    QApplication.processEvents()
    assert len(canvas.selection()) == len(blocks)
    drawn = session.document
    canvas.tidy()
    canvas.delete()
    assert not session.document.nodes
    person.press(KEYS.Key_Z, Qt.KeyboardModifier.ControlModifier, on=canvas)
    person.press(KEYS.Key_Z, Qt.KeyboardModifier.ControlModifier, on=canvas)
    assert session.document == drawn


@pytest.mark.parametrize("which", ["nothing", "the default example", "everything selected"])
def test_every_command_of_the_menus(sit_down, no_dialogs, which):
    person = sit_down(Document() if which == "nothing" else find_document(DEFAULT_EXAMPLE))
    window = person.window
    count = len(every_entry(person))
    assert count > 30
    for number in range(count):
        window = person.window  # another language makes another window
        if which == "everything selected":
            window.show_page("design")
            window.canvas.select_all()
        name, entry = every_entry(person)[number]
        if name.endswith("Quit") or entry.text() == "Run" or (which != "the default example" and is_of_looks(entry)):
            continue
        person.said.clear()
        entry.trigger()
        close_sheets(person)
        assert not [said for said in person.said if any(word in said for word in SUSPECT)], name
    use_language("en")
    person.answered()
    close_sheets(person)


def test_a_disabled_command_says_why(sit_down):
    person = sit_down(Document())
    person.analysed()
    for key, why in (
        ("run", "."),
        ("stop", "Nothing is training."),
        ("undo", "nothing to undo"),
        ("fork_run", "No run"),
    ):
        entry = person.window.menus.entry(key)
        assert not entry.isEnabled(), key
        assert why in entry.toolTip().split("\n")[-1], entry.toolTip()


def test_a_command_is_found_by_name_and_done(sit_down):
    person = sit_down(Document())
    was_dark = theme().is_dark
    person.press(KEYS.Key_P, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier, on=person.window)
    sheet = person.window.findChildren(QDialog)[0]
    field = sheet.findChildren(QLineEdit)[0]
    QTest.keyClicks(field, "light or")
    QTest.keyClick(field, KEYS.Key_Return)
    assert theme().is_dark != was_dark
    person.window.use_theme("dark")
    close_sheets(person)


def test_every_page_with_and_without_a_run(sit_down):
    person = sit_down(
        tiny_clip(
            steps=6,
            callbacks={"checkpointing": {}, "evaluation": {"every": 3}},
            diagnostics={"attention": {"every": 2}, "similarity": {}},
        )
    )
    titles = list(person.window.pages.TITLES.values())
    for title in titles:
        person.go_to(title)
        person.wait_quiet()
    person.go_to("Design")
    person.wait(lambda: person.window.menus.entry("run").isEnabled())
    person.click(person.button("Run", person.window.top))
    person.wait(lambda: person.session.watched)
    person.wait(lambda: person.ended(person.session.watched))
    for title in titles:
        person.go_to(title)
        person.wait_quiet()
    person.go_to("Train")
    person.wait(lambda: person.window.pump.head.step == 6 and person.window.pump.is_idle())
    messages = {key: monitor.message() for key, monitor in person.window.wall.monitors.items()}
    assert not [key for key, message in messages.items() if "failed" in message], messages
    assert messages["loss"] == messages["attention"] == messages["similarity"] == ""
    seen = {key for key, monitor in person.window.wall.monitors.items() if monitor.isVisible()}
    assert {"loss", "attention", "similarity", "retrieval", "device", "rates", "log", "metrics", "tasks"} == seen, (
        "what no diagnostic feeds rests"
    )
    person.go_to("Design")
    seen = [key for key, monitor in person.window.wall.monitors.items() if monitor.isVisible()]
    assert set(seen) == {"loss", "similarity", "attention", "device"}


def test_the_other_language_keeps_what_is_open(sit_down):
    person = sit_down(tiny_clip())
    node = person.add_by_keys("projection", QPointF(50, 420))
    document = person.session.document
    person.choose("language")
    person.window.activateWindow()
    assert person.session.preferences.language == "zh_CN"
    assert person.session.document is document
    assert node in person.window.canvas.board.nodes
    assert person.button("设计", person.window.top) is not None
    person.choose("language")
    assert person.button("Design", person.window.top) is not None
    person.choose("undo")
    assert node not in person.session.document.nodes
    person.wait(lambda: node not in person.window.canvas.board.nodes)


def test_keys_belong_to_who_has_the_focus(sit_down):
    person = sit_down(tiny_clip(steps=30))
    person.wait(lambda: person.window.menus.entry("run").isEnabled())
    person.click(person.button("Run", person.window.top))
    person.wait(lambda: person.session.watched)
    person.wait(lambda: person.ended(person.session.watched))
    person.wait(lambda: person.window.pump.head.step == 30)
    timeline, canvas = person.window.timeline, person.window.canvas
    canvas.setFocus()
    person.press(KEYS.Key_L, on=canvas)  # a letter on the canvas looks for a block
    assert canvas.search.isVisible()
    person.press(KEYS.Key_Escape, on=canvas.search.field)
    name = person.window.inspector.document_page.form.rows["steps"].field.edit
    name.setFocus()
    person.press(KEYS.Key_Left, on=name)
    person.press(KEYS.Key_Home, on=name)
    assert timeline.step == 30
    person.go_to("Train")
    assert QApplication.focusWidget() is timeline
    person.press(KEYS.Key_Left)
    person.press(KEYS.Key_Left)
    person.wait(lambda: person.window.pump.cursor.step == 28)
    person.press(KEYS.Key_Home)
    person.wait(lambda: person.window.pump.cursor.step == 0)
    person.press(KEYS.Key_Space)
    person.wait(lambda: timeline.step > 0)
    person.press(KEYS.Key_End)
    person.wait(lambda: person.window.pump.cursor.follows_head)
    assert not timeline.is_playing
    person.go_to("Runs")
    person.press(KEYS.Key_Home, on=person.window.library.view)
    assert person.window.pump.cursor.follows_head
