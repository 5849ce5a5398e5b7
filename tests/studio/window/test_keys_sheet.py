"""Keys are searched, changed and given back; conflicts are said; menus, tooltips and the canvas have the new ones at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.graph.document import Document
from studio.open.preferences import Preferences
from tests.documents import tiny_clip
from widgets.look.keys import Binding, taken_by, use_keys, why_not

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


def binding(key: str, where: str, *keys: str) -> Binding:
    return Binding(key=key, text=key, where=where, keys=keys, default=keys)  # type: ignore[arg-type]


def test_who_has_keys_and_which_cannot_be_given() -> None:
    known = [
        binding("run", "window", "Ctrl+Return"),
        binding("canvas.mute", "canvas", "M"),
        binding("canvas.tidy", "canvas", "Ctrl+L"),
    ]
    assert taken_by("M", "canvas", known) is known[1]
    assert taken_by("M", "canvas", known, but="canvas.mute") is None
    assert taken_by("Ctrl+L", "window", known) is known[2]
    assert taken_by("Ctrl+Return", "canvas", known) is known[0]
    assert why_not("Tab", "canvas") == why_not("Esc", "window") == "fixed"
    assert why_not("M", "window") == why_not("Shift+M", "window") == "letter"
    assert why_not("M", "canvas") == why_not("Ctrl+M", "window") == why_not("F7", "window") == ""


def test_keys_are_changed_in_a_sheet_and_kept(sit_down: Any) -> None:
    person = sit_down(tiny_clip())
    window, session = person.window, person.session
    person.analysed()
    own = window.menus.bindings()
    assert not [(one.key, keys) for one in own for keys in one.default if taken_by(keys, one.where, own, one.key)]
    sheet = window.dialogs.show_keys()
    try:
        sheet.field.setText("tidy")
        assert sheet.shown() == ["Tidy: Ctrl+L"]
        sheet.wanted.setKeySequence(QKeySequence("Ctrl+S"))
        assert sheet.sentence.text() == "Ctrl+S belongs to “Save”, which then loses it."
        sheet.wanted.setKeySequence(QKeySequence("Tab"))
        assert not sheet.set_button.isEnabled()
        sheet.wanted.setKeySequence(QKeySequence("Ctrl+K"))
        assert sheet.sentence.text() == ""
        person.click(sheet.set_button)
        assert sheet.shown() == ["Tidy: Ctrl+K"]
        assert session.preferences.keys == {"canvas.tidy": ("Ctrl+K",)}
        assert "Tidy\tCtrl+K" in [entry.text() for entry in window.menus.all()]

        sheet.field.setText("stop and evaluate")
        sheet.wanted.setKeySequence(QKeySequence("Ctrl+K"))
        assert "Tidy" in sheet.sentence.text()
        person.click(sheet.set_button)
        assert session.preferences.keys["canvas.tidy"] == ()
        assert "Tidy" in [entry.text() for entry in window.menus.all()]
        assert "(Ctrl+K)" in window.menus.entry("stop_and_evaluate").toolTip()
        sheet.field.setText("tidy")
        person.click(sheet.reset_button)
        person.click(sheet.all_button)
        assert session.preferences.keys == {} == Preferences().keys
        assert sheet.shown() == ["Tidy: Ctrl+L"]
        sheet.field.setText("zoom at the cursor")
        assert sheet.shown() == ["Zoom at the cursor: Wheel"]
        assert sheet.current() is None
        assert sheet.sentence.text() == "The keys of this line cannot be changed."
    finally:
        sheet.close()

    window.dialogs.keys.choose("canvas.mute", ("Alt+9",))
    canvas = window.canvas
    canvas.setFocus()
    canvas.select(["vit"])
    QTest.keyClick(canvas, Qt.Key.Key_9, ALT)
    assert session.document.nodes["vit"].muted
    QTest.keyClick(canvas, Qt.Key.Key_M, CTRL)
    assert session.document.nodes["vit"].muted
    field = window.inspector.node_page.title
    field.setFocus()
    before = session.document
    for letter in "pmjw":  # letters are commands on the canvas only
        QTest.keyClicks(QApplication.focusWidget(), letter)
    assert "pmjw" in field.text()
    assert canvas.chosen_port is None
    assert session.document.nodes["vit"].muted == before.nodes["vit"].muted
    window.dialogs.keys.reset_all()


def test_kept_keys_that_cannot_be_read_are_none(qapp: Any) -> None:
    preferences = Preferences()
    preferences._settings.setValue("keys", "[broken")
    assert preferences.keys == {}
    preferences._settings.setValue("keys", "[1]")
    assert preferences.keys == {}
    use_keys({})
    assert Document().nodes == {}
