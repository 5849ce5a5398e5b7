"""A table's columns are picked in the inspector from what the table has, with its first rows below."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtTest import QTest

from core.data.tables import table_head
from core.graph import edits
from core.graph.document import Document, Node
from core.problems import Refused
from core.runs.vocabulary import full_vocabulary
from core.store.database import Store
from studio.asking.table_columns import bind_columns
from studio.session import Session
from widgets.inspector.inspector import Inspector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"picture": "a.png", "Words": "a red heart", "words": "heart"},
        {"picture": "b.png", "Words": "a cat", "tags": ["x", "y"]},
    ]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def test_the_head_of_a_table_has_every_column_of_its_first_lines(folder: Path) -> None:
    head = table_head(folder)
    assert head.name == "captions.jsonl"
    assert head.columns == ("picture", "Words", "words", "tags")
    assert head.rows == (("a.png", "a red heart", "heart", ""), ("b.png", "a cat", "", "x, y"))


def test_a_long_table_is_read_only_as_far_as_is_shown(tmp_path: Path) -> None:
    good = b'{"file": "a.png", "name": "a"}\n'
    (tmp_path / "captions.jsonl").write_bytes(good * 300 + b'{"late": "\xff"}\n' + good * 20_000)
    head = table_head(tmp_path)
    assert head.columns == ("file", "name")
    assert len(head.rows) == 5


def test_no_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no table"):
        table_head(tmp_path)


@pytest.fixture
def inspector(qtbot, tmp_path_factory):
    session = Session(Store.open(tmp_path_factory.mktemp("store") / "store.sqlite"))
    made = Inspector()
    qtbot.addWidget(made)
    bind_columns(session, made)
    made.set_vocabulary(full_vocabulary())
    yield made
    session.engine.close()
    session.store.close()


def shown(inspector: Inspector, **knobs: object):
    document = Document(nodes={"table": Node(id="table", block="sources.caption_table")})
    for name, value in knobs.items():
        document = edits.set_knob(document, "table", name, value, None)
    inspector.set_document(document)
    inspector.set_selection(["table"])
    return inspector.node_page


def test_columns_are_offered_and_the_first_rows_are_shown(qtbot, inspector, folder: Path) -> None:
    page = shown(inspector, folder=str(folder), caption_column="Words")
    box = page.form.rows["caption_column"].field.box
    qtbot.waitUntil(lambda: box.count() > 0)
    assert [box.itemText(index) for index in range(box.count())] == ["", "picture", "Words", "words", "tags"]
    assert box.currentText() == "Words"
    assert not page.preview.isHidden()
    assert page.preview.table.rowCount() == 2
    assert page.preview.table.item(0, 1).text() == "a red heart"
    turned = []
    inspector.knobChanged.connect(lambda *args: turned.append(args))
    box.activated.emit(3)
    assert turned == [("table", "caption_column", "words")]


def test_a_column_can_still_be_typed(qtbot, inspector) -> None:
    page = shown(inspector)
    field = page.form.rows["caption_column"].field
    turned = []
    inspector.knobChanged.connect(lambda *args: turned.append(args))
    QTest.keyClicks(field.edit, "caption_en")
    field.edit.editingFinished.emit()
    assert turned == [("table", "caption_column", "caption_en")]
    assert page.preview.isHidden()


def test_why_there_is_no_table_stands_where_its_rows_would(qtbot, inspector, tmp_path: Path) -> None:
    page = shown(inspector, folder=str(tmp_path))
    qtbot.waitUntil(lambda: not page.preview.isHidden())
    assert "no table" in page.preview.heading.text()
    assert page.preview.table.isHidden()
