"""Several documents at once: each has its own undo, mark, file and place; closing asks; a crash gives each back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph import edits, file
from studio.open.journal import Journal
from studio.open.tabs import Tab, Tabs
from tests.documents import siamese, tiny_clip
from tests.studio.journey import Person

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def add(person: Person, x: float) -> None:
    document, _ = edits.add_node(person.session.document, "connectors.projection", x, 0.0)
    person.session.edit(document, "add")


def bar_texts(person: Person) -> list[str]:
    bar = person.window.tab_bar
    return [bar.tabText(number) for number in range(bar.count())]


def middle_click(person: Person, number: int) -> None:
    bar = person.window.tab_bar
    QTest.mouseClick(bar, Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, bar.tabRect(number).center())


def test_two_documents_side_by_side(sit_down, tmp_path: Path):
    person = sit_down(tiny_clip())
    session, bar, canvas = person.session, person.window.tab_bar, person.window.canvas
    assert not bar.isVisible()
    add(person, 900.0)
    place = tmp_path / "two.cms.json"
    file.write(siamese(), place)
    session.open(place)
    assert bar_texts(person) == ["tiny clip •", "siamese"]
    canvas.zoom_to(0.8)
    person.press(Qt.Key.Key_Tab, CTRL, person.window)
    assert session.document.name == "tiny clip"
    assert canvas.document is session.document
    session.undo()
    assert bar_texts(person) == ["tiny clip", "siamese"]
    assert session.history.undo_name == ""
    session.redo()
    person.press(Qt.Key.Key_Tab, CTRL | SHIFT, person.window)
    assert session.document.name == "siamese"
    assert session.history.undo_name == ""
    assert abs(canvas.scale_now - 0.8) < 0.01
    session.open(place)  # it is open already
    assert len(session.tabs.all) == 2
    bar.moveTab(0, 1)
    assert [tab.name for tab in session.tabs.all] == ["siamese", "tiny clip"]
    assert session.document.name == "siamese"
    closing_asks(person, place)


def closing_asks(person: Person, place: Path) -> None:
    session = person.session
    middle_click(person, 1)
    assert session.document.name == "tiny clip"
    assert len(session.tabs.all) == 2, "it is asked first"
    assert {lost.document.name for lost in Journal().lost()} == {"tiny clip"}
    person.click(person.button("Discard", person.window.messages))
    assert [tab.name for tab in session.tabs.all] == ["siamese"]
    assert Journal().lost() == []
    assert not person.window.tab_bar.isVisible()
    add(person, 10.0)
    person.choose("close_document")
    person.click(person.button("Save and close", person.window.messages))
    assert len(file.read(place).nodes) == len(siamese().nodes) + 1
    assert not session.document.nodes, "behind the last one comes an empty canvas"
    recent(person, place)


def recent(person: Person, place: Path) -> None:
    menu = person.window.recent
    menu.fill()
    (entry,) = [action for action in menu.menu.actions() if place.name in action.text()]
    entry.trigger()
    assert person.session.path == place
    moved = place.with_name("elsewhere.cms.json")
    place.rename(moved)
    menu.fill()
    (entry,) = [action for action in menu.menu.actions() if place.name in action.text()]
    assert not entry.isEnabled()
    assert "no longer there" in entry.text()
    forget = next(action for action in menu.menu.actions() if action.text() == "Forget those that are gone")
    forget.trigger()
    assert person.session.preferences.recent == []
    assert not any(place.name in action.text() for action in menu.menu.actions())


def test_versions_are_kept_by_themselves_and_restored_as_one_step(sit_down, tmp_path: Path):
    person = sit_down(tiny_clip())
    session = person.session
    session.save(tmp_path / "mine.cms.json")
    first = session.document
    add(person, 900.0)
    session.edit(edits.set_knob(session.document, "vit", "heads", 1), "heads")
    session.edit(edits.set_recipe(session.document, batch_size=9), "batch")
    session.save()
    add(person, 1200.0)
    now = session.document
    person.choose("versions")
    sheet = person.window.versions.sheet
    assert sheet is not None
    assert sheet.list.count() == 2
    assert "blocks added: 1" in sheet.list.item(0).text()
    sheet.list.setCurrentRow(1)
    words = sheet.words.toPlainText()
    assert "~ vit: heads 2 → 1" in words
    assert "batch_size 16 → 9" in words
    assert words.count("+ block") == 2
    person.click(sheet.restore)
    assert session.document == first
    session.undo()
    assert session.document == now
    person.choose("versions")
    sheet = person.window.versions.sheet
    assert sheet is not None
    sheet.list.setCurrentRow(1)
    person.click(sheet.open_it)
    assert session.document.nodes == first.nodes
    assert len(session.tabs.all) == 2
    assert session.path is None, "it is never saved over by itself"
    sheet.close()


def test_variants_stand_side_by_side_against_a_baseline(sit_down):
    person = sit_down(tiny_clip(steps=2, batch_size=8, diagnostics={}, callbacks={}))
    session = person.session
    uid = session.run()
    person.wait(lambda: person.ended(uid))
    person.choose("new_variant")
    session.edit(edits.set_knob(session.document, "vit", "heads", 1), "heads")
    session.edit(edits.disconnect(session.document, ("augment.image>vit.image",)), "cut")
    assert [tab.name for tab in session.tabs.all] == ["tiny clip", "tiny clip · 2"]
    person.choose("compare_variants")
    sheet = person.window.variants.sheet
    assert sheet is not None

    def rows() -> dict[str, list[str]]:
        table = sheet.table
        return {table.item(r, 1).text(): [table.item(r, c).text() for c in (2, 3)] for r in range(table.rowCount())}

    assert sheet.table.horizontalHeaderItem(2).text() == "tiny clip · 2 (baseline)"
    assert rows()["heads"] == ["1", "2"]
    assert rows()["augment.image → vit.image"] == ["–", "wired"]
    assert rows()["name"][0] == "·", "what was never run has no scores"
    assert rows()["name"][1] == session.facts(uid).name
    assert float(rows()["loss"][1]) > 0
    person.click(sheet.baseline)
    assert sheet.table.horizontalHeaderItem(2).text() == "tiny clip (baseline)"
    assert rows()["heads"] == ["2", "1"]
    sheet.table.setCurrentCell(0, 3)
    assert {line.state for line in sheet.right._sketch.lines} == {"same", "removed"}
    person.click(sheet.open_it)
    assert session.document.name == "tiny clip · 2"
    sheet.close()


def test_each_unsaved_one_is_offered_after_a_crash(sit_down):
    for name in ("first", "second"):
        lost = Journal()
        lost.keep(edits.rename(tiny_clip(), name), None)
    person = sit_down(siamese())
    add(person, 5.0)
    for _ in range(2):
        person.click(person.button("Recover", person.window.messages))
    assert {tab.name for tab in person.session.tabs.all} == {"siamese", "first", "second"}
    assert all(tab.is_changed for tab in person.session.tabs.all)
    person.wait(lambda: len(Journal().lost()) == 3)


def test_there_is_always_one_and_what_nobody_touched_makes_room():
    tabs = Tabs()
    assert tabs.now.is_untouched
    first = tabs.make_room(1)
    first.history.do(tiny_clip(), "draw")
    second = tabs.make_room(2)
    assert tabs.all == [first, second]
    assert tabs.make_room(3) is tabs.now
    assert len(tabs.all) == 2
    tabs.leave(0, 9)
    assert tabs.at == 0
    tabs.leave(0, 9)
    assert tabs.all == [tabs.now]
    assert isinstance(tabs.now, Tab)
    assert tabs.now.drawing == 9
