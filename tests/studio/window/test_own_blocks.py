"""Own blocks in the window: switched on, written, looked at, allowed; then on the palette, in the inspector, in a check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QLabel

from core.compiler.describe import own_blocks
from core.graph import edits
from core.own.settings import OwnSettings, read_settings, write_settings
from tests.documents import tiny_clip
from tests.studio.journey import Person


@pytest.fixture
def person(sit_down) -> Iterator[Person]:
    document, _ = edits.add_node(tiny_clip(), "own.my_scale", 0, 500)
    yield sit_down(document)
    write_settings(OwnSettings())
    own_blocks(again=True)


def knows(person: Person, block: str) -> bool:
    return block in person.session.vocabulary


def test_from_the_problem_to_the_palette(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    window = person.window
    problem = next(p for p in person.session.analysis.problems if p.node == "my_scale")
    person.session.apply_fix(problem)
    sheet = window.own_blocks.sheet
    assert sheet is not None
    assert not sheet.switch.isChecked()
    person.click(sheet.switch)
    assert read_settings().on
    monkeypatch.setattr("widgets.own_blocks_sheet.QInputDialog.getText", lambda *_: ("my_scale", True))
    person.click(sheet.new)
    person.wait(lambda: knows(person, "own.my_scale"))
    assert sheet.chosen().state == "allowed"
    assert len(sheet.chosen().sha256) == 64
    assert "class MyScale" in sheet.text.toPlainText()
    assert person.problems() == [what for what in person.problems() if "own" not in what]

    path = read_settings().place / "my_scale.py"
    path.write_text(path.read_text() + "\n1 / 0\n")
    person.click(sheet.look)
    person.wait(lambda: not knows(person, "own.my_scale"))
    assert sheet.chosen().state == "changed"
    person.click(sheet.allow)
    person.wait(lambda: sheet.chosen() is not None and sheet.chosen().state == "broken")
    assert "ZeroDivisionError" in sheet.about.text()
    assert "line" in sheet.about.text()
    path.write_text(path.read_text().replace("\n1 / 0\n", ""))
    person.click(sheet.look)
    person.wait(lambda: sheet.chosen().state == "changed")
    person.click(sheet.allow)
    person.wait(lambda: knows(person, "own.my_scale"))
    sheet.close()

    window.palette_panel.field.setText("my scale")
    assert window.palette_panel.shown() == ["own.my_scale"]
    window.canvas.reveal("my_scale")
    person.analysed()
    page = window.inspector.node_page
    assert page is not None
    said = [label.text().replace("\u200b", "") for label in page.findChildren(QLabel)]
    assert any(str(path) in text and "SHA-256" in text for text in said)
