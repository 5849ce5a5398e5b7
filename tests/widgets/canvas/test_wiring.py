"""Wires without a mouse: a port is chosen and said, joined to one from the list, and taken off again."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.graph.document import End
from tests.widgets import sample
from widgets.canvas.outline import PORT, SPOKEN, Outline

K, CTRL, SHIFT = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_a_port_is_chosen_said_and_wired_by_keyboard(hand):
    canvas = hand.canvas
    canvas.set_analysis(sample.analysis())
    canvas.select(["vit"])
    hand.key(K.Key_P)
    assert canvas.chosen_port == (End(node="vit", port="image"), False)
    assert canvas.bubble.text().startswith("Input image, image, ")
    assert "wired to " in canvas.bubble.text()
    hand.key(K.Key_P, SHIFT)
    assert canvas.chosen_port == (End(node="vit", port="tokens"), True)
    item = canvas.board.nodes["vit"]
    assert item.chosen == ("tokens", True)

    wires = hand.wire_keys()
    hand.key(K.Key_Delete)
    assert canvas.selection() == ["vit"]
    gone = sorted(set(wires) - set(hand.wire_keys()))
    assert gone == ["vit.tokens>mixer.tokens"]
    assert canvas.chosen_port is not None
    hand.key(K.Key_Return)
    assert canvas.search.isVisible()
    QTest.keyClicks(canvas.search.field, canvas.board.nodes["mixer"].shape_now.title)
    QTest.keyClick(canvas.search.field, K.Key_Return)
    assert sorted(hand.wire_keys()) == sorted(wires)
    assert canvas.hasFocus()
    hand.key(K.Key_Escape)
    assert (canvas.chosen_port, item.chosen, canvas.selection()) == (None, None, ["vit"])


def test_another_block_forgets_the_port_and_a_new_block_grows_from_it(hand):
    canvas = hand.canvas
    canvas.select(["vit"])
    hand.key(K.Key_P)
    canvas.select(["pool"])
    assert canvas.chosen_port is None
    hand.key(K.Key_J, CTRL)
    assert canvas.chosen_port is not None
    rows = canvas.search.results
    assert rows.item(rows.count() - 1).text() == "Add a block…"


def test_the_outline_wires_unwires_and_keeps_its_place(hand, qtbot):
    outline = Outline()
    qtbot.addWidget(outline)
    outline.bind(hand.canvas)
    outline.set_vocabulary(sample.vocabulary())
    outline.set_document(hand.session.now)
    hand.canvas.documentEdited.connect(lambda *_: outline.set_document(hand.session.now))
    row = outline._rows["mixer"]
    port = next(row.child(n) for n in range(row.childCount()) if not row.child(n).data(0, PORT)[1])
    outline.tree.setCurrentItem(port)
    QTest.keyClick(outline.tree, K.Key_Delete)
    assert "vit.tokens>mixer.tokens" not in hand.wire_keys()
    now = outline.tree.currentItem()
    assert now.data(0, PORT) == (End(node="mixer", port="tokens"), False)
    assert now.data(0, SPOKEN).endswith("not connected, needed")
    QTest.keyClick(outline.tree, K.Key_Return)
    QTest.keyClicks(hand.canvas.search.field, hand.canvas.board.nodes["vit"].shape_now.title)
    QTest.keyClick(hand.canvas.search.field, K.Key_Return)
    assert "vit.tokens>mixer.tokens" in hand.wire_keys()
    outline.tree.setCurrentItem(row)
    QTest.keyClick(outline.tree, K.Key_D, CTRL)
    assert len(hand.session.now.nodes) == len(sample.document().nodes) + 1
