"""Notes on the canvas: written, moved, resized, copied, tidied around, found, and back in one step; plain text to the letter."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.graph import edits, file
from core.graph.document import Document
from core.graph.edits import extract, paste
from core.problems import Refused
from tests.widgets import sample
from tests.widgets.canvas.conftest import Hand
from widgets.canvas.notes import NoteEditor
from widgets.canvas.outline import Outline

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
K = Qt.Key
MARKUP = "<b>not bold</b> & <img src='x'>"
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


def notes(hand: Hand) -> dict[str, str]:
    return {name: frame.title for name, frame in hand.session.now.frames.items() if frame.is_note}


def typed(hand: Hand) -> NoteEditor:
    (editor,) = [one for one in hand.canvas.findChildren(NoteEditor) if not one.is_over]
    return editor


def write(hand: Hand, text: str) -> str:
    """A note by keys alone; gives its id."""
    known = set(notes(hand))
    hand.key(K.Key_N, CTRL | SHIFT)
    editor = typed(hand)
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, K.Key_Return, CTRL)
    (name,) = set(notes(hand)) - known
    return name


def test_written_by_keys_is_one_step_and_nothing_written_is_none(hand):
    before = hand.session.now
    name = write(hand, MARKUP)
    assert notes(hand) == {name: MARKUP}
    assert hand.canvas.selected_frames == {name}
    hand.session.undo()
    assert hand.session.now == before
    hand.key(K.Key_N, CTRL | SHIFT)
    QTest.keyClick(typed(hand), K.Key_Escape)
    hand.key(K.Key_N, CTRL | SHIFT)
    QTest.keyClick(typed(hand), K.Key_Return, CTRL)
    assert hand.session.now == before


def test_enter_writes_on_and_an_emptied_note_goes(hand):
    name = write(hand, "one")
    hand.key(K.Key_Return)
    editor = typed(hand)
    assert editor.toPlainText() == "one"
    QTest.keyClicks(editor, "two")
    QTest.keyClick(editor, K.Key_Return)
    QTest.keyClicks(editor, "three")
    QTest.keyClick(editor, K.Key_Return, CTRL)
    assert notes(hand) == {name: "two\nthree"}
    hand.key(K.Key_F2)
    typed(hand).setPlainText(" ")
    QTest.keyClick(typed(hand), K.Key_Return, CTRL)
    assert notes(hand) == {}


def test_a_new_note_covers_no_block_and_no_other_note(hand):
    block = next(iter(hand.canvas.board.nodes.values()))
    hand.canvas.last_pixel = QPointF(hand.canvas.mapFromScene(block.box.center()))
    for text in ("one", "two", "three"):
        write(hand, text)
    boxes = [hand.canvas.board.frames[name].box for name in notes(hand)]
    every = [*boxes, *(item.box for item in hand.canvas.board.nodes.values())]
    assert len(boxes) == 3
    assert not [1 for box in boxes for other in every if other is not box and box.intersects(other)]
    assert max(abs(box.center().x() - block.box.center().x()) for box in boxes) < 700


def test_dragged_anywhere_it_moves_alone_and_its_edge_resizes_it(hand):
    name = write(hand, "here")
    box = hand.canvas.board.frames[name].box
    document = edits.change_frame(hand.session.now, name, x=250.0, y=500.0)
    hand.canvas.propose(document, "place")
    box = hand.canvas.board.frames[name].box
    nodes = dict(hand.session.now.nodes)
    hand.drag(box.center(), box.center() + QPointF(40, 24))
    moved = hand.canvas.board.frames[name].box
    assert (moved.x() - box.x(), moved.y() - box.y()) == pytest.approx((40, 24), abs=1.5)
    assert dict(hand.session.now.nodes) == nodes
    hand.drag(QPointF(moved.right(), moved.center().y()), QPointF(moved.right() + 50, moved.center().y()))
    assert hand.canvas.board.frames[name].box.width() == pytest.approx(box.width() + 50, abs=1.5)
    hand.key(K.Key_Right)
    assert hand.canvas.board.frames[name].box.x() == pytest.approx(moved.x() + 5, abs=1.5)


def test_tidy_leaves_it_where_it_is_and_takes_it_for_no_frame(hand):
    around = next(iter(hand.session.now.nodes.values()))
    document, name = edits.add_note(hand.session.now, "over a block", around.x - 30, around.y - 30, 400.0, 300.0)
    hand.canvas.propose(document, "note")
    hand.canvas.select([])
    before = hand.session.now.frames[name]
    hand.key(K.Key_L, CTRL)
    assert hand.session.now.nodes != document.nodes
    assert hand.session.now.frames[name] == before


def test_copied_alone_and_with_blocks(hand):
    name = write(hand, "twice")
    hand.key(K.Key_C, CTRL)
    hand.key(K.Key_V, CTRL)
    assert sorted(notes(hand).values()) == ["twice", "twice"]
    hand.key(K.Key_Z)  # a letter that means nothing to a note
    hand.canvas.select([], frames=[name])
    hand.key(K.Key_D, CTRL)
    assert len(notes(hand)) == 3
    hand.canvas.select([], frames=[name])
    hand.key(K.Key_Delete)
    assert name not in notes(hand)
    part = extract(hand.session.now, [], notes(hand))
    document, _ = paste(Document(), part, 5.0, 7.0)
    assert all(frame.is_note for frame in document.frames.values())


def test_found_and_in_the_outline(hand):
    name = write(hand, "remember the temperature")
    outline = Outline()
    outline.set_vocabulary(sample.vocabulary())
    outline.bind(hand.canvas)
    outline.set_document(hand.session.now)
    rows = [outline.tree.topLevelItem(n).text(0) for n in range(outline.tree.topLevelItemCount())]
    assert rows[-1] == "remember the temperature"
    hand.canvas.select([])
    outline.tree.topLevelItem(len(rows) - 1).setSelected(True)
    assert hand.canvas.selected_frames == {name}
    hand.canvas.select([])
    hand.canvas.setFocus()
    hand.key(K.Key_F, CTRL)
    QTest.keyClicks(QApplication.focusWidget(), "temperature")
    QTest.keyClick(QApplication.focusWidget(), K.Key_Return)
    assert hand.canvas.selected_frames == {name}
    outline.set_document(Document())
    assert outline.tree.topLevelItemCount() == 0
    outline.close()


def test_the_file_keeps_it_and_refuses_what_is_no_note(hand):
    name = write(hand, MARKUP)
    text = file.dumps(hand.session.now)
    assert file.loads(text).frames[name] == hand.session.now.frames[name]
    data = json.loads(text)
    data["frames"][name]["note"] = "yes"
    with pytest.raises(Refused, match="note"):
        file.loads(json.dumps(data))
