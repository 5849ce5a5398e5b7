"""Every gesture with a real mouse: what it makes, that Esc leaves nothing, that undo takes it back whole."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.graph import edits
from tests.widgets import sample
from widgets.canvas import geometry as g
from widgets.canvas.search import FoundBridge

SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


def test_a_click_selects_and_ctrl_adds_and_empty_paper_clears(hand, qtbot):
    with qtbot.waitSignal(hand.canvas.selectionChanged):
        hand.click(hand.head("vit"))
    assert hand.canvas.selection() == ["vit"]
    hand.click(hand.head("words"), CTRL)
    assert hand.canvas.selection() == ["vit", "words"]
    hand.click(hand.head("vit"), CTRL)
    assert hand.canvas.selection() == ["words"]
    hand.click(hand.free())
    assert hand.canvas.selection() == []


def test_dragging_moves_the_selection_in_one_step(hand):
    before = hand.session.now
    hand.click(hand.head("vit"))
    hand.click(hand.head("pool"), SHIFT)
    hand.drag(hand.head("vit"), hand.head("vit") + QPointF(30, -40))
    for name in ("vit", "pool"):
        assert hand.session.now.nodes[name].x == before.nodes[name].x + 30
        assert hand.session.now.nodes[name].y == before.nodes[name].y - 40
    assert hand.session.edits == ["Move"]
    hand.round_trip(before)


def test_shift_snaps_to_the_grid(hand):
    hand.drag(hand.head("words"), hand.head("words") + QPointF(33, 47), SHIFT)
    moved = hand.session.now.nodes["words"]
    assert moved.x % 20 == 0
    assert moved.y % 20 == 0


def test_a_press_that_hardly_moves_is_a_click(hand):
    hand.press(hand.head("vit"))
    hand.move(hand.head("vit") + QPointF(2, 2))
    hand.release(hand.head("vit") + QPointF(2, 2))
    assert hand.session.edits == []


def test_esc_cancels_a_drag_without_a_step(hand):
    before = hand.session.now
    hand.press(hand.head("vit"))
    hand.move(hand.head("vit") + QPointF(60, 60))
    assert hand.canvas.board.nodes["vit"].x() == before.nodes["vit"].x + 60
    hand.key(Qt.Key.Key_Escape)
    hand.release(hand.head("vit") + QPointF(60, 60))
    assert hand.session.now is before
    assert hand.session.edits == []
    hand.agrees()


def test_box_select_shows_live_and_ctrl_takes_away(hand):
    hand.press(QPointF(470, 270))
    hand.move(QPointF(600, 300))
    hand.move(QPointF(700, 400))
    assert hand.canvas.selection() == ["words"]
    hand.move(QPointF(1230, 420))
    hand.release(QPointF(1230, 420))
    assert hand.canvas.selection() == ["words", "pool_2"]
    hand.drag(QPointF(940, 250), QPointF(1230, 420), CTRL)
    assert hand.canvas.selection() == ["words"]


def test_drawing_a_wire_replaces_the_one_that_was_there(hand):
    before = hand.session.now
    hand.drag(hand.port("vit.tokens", True), hand.port("pool_2.tokens", False))
    assert "vit.tokens>pool_2.tokens" in hand.wire_keys()
    assert "words.tokens>pool_2.tokens" not in hand.wire_keys()
    hand.round_trip(before)


def test_a_wire_dropped_on_a_node_finds_the_port(hand):
    hand.session.take(edits.disconnect(hand.session.now, ["pool.embed>infonce.left"]), "x", "")
    hand.drag(hand.port("pool.embed", True), hand.head("infonce"))
    assert "pool.embed>infonce.left" in hand.wire_keys()


def test_a_wire_can_be_drawn_backwards(hand):
    hand.session.take(edits.disconnect(hand.session.now, ["pool.embed>infonce.left"]), "x", "")
    hand.drag(hand.port("infonce.left", False), hand.port("pool.embed", True))
    assert "pool.embed>infonce.left" in hand.wire_keys()


def test_a_refused_wire_says_why_near_the_cursor(hand):
    before = hand.session.now
    start, end = hand.port("pairs.text", True), hand.port("vit.image", False)
    hand.drag(start, end)
    bubble = hand.canvas.bubble
    assert hand.session.now is before
    assert bubble.isVisible()
    assert "text is sentence (B), image takes image (B C H W)" in bubble.text()
    assert "needs axis C, H, W" in bubble.text()
    assert (bubble.pos() - hand.pixel(end)).manhattanLength() < 500
    assert hand.canvas.search.isHidden()
    hand.click(hand.free())
    assert not bubble.isVisible()


def test_a_refused_wire_offers_what_can_stand_between_and_one_click_puts_it_there(hand):
    before = hand.session.now
    start, end = hand.port("words.tokens", True), hand.port("infonce.right", False)
    hand.press(start)
    hand.move(start + QPointF(12, 4))
    hand.move(end)
    assert "tokens is tokens (B N D), right takes embedding (B D)" in hand.canvas.bubble.text()
    assert "Release to put a block between." in hand.canvas.bubble.text()
    hand.release(end)
    search = hand.canvas.search
    assert hand.session.now is before
    assert search.isVisible()
    assert [search.results.item(row).text() for row in range(search.results.count())] == ["Pool"]
    box = search.results.visualItemRect(search.results.item(0))
    QTest.mouseClick(search.results.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, box.center())
    assert search.isHidden()
    assert {"words.tokens>pool_3.tokens", "pool_3.embed>infonce.right"} <= set(hand.wire_keys())
    assert "pool_2.embed>infonce.right" not in hand.wire_keys()
    assert hand.canvas.selection() == ["pool_3"]
    assert len(hand.session.edits) == 1
    hand.round_trip(before)


def test_a_row_of_blocks_is_offered_where_one_is_not_enough(hand):
    hand.session.take(edits.disconnect(hand.session.now, ["pool.embed>infonce.left"]), "x", "")
    hand.drag(hand.port("augment.image", True), hand.port("infonce.left", False))
    assert hand.canvas.search.results.item(0).text() == "ViT → Pool"
    hand.key(Qt.Key.Key_Escape)
    assert hand.canvas.search.isHidden()
    assert hand.session.edits[1:] == []


def test_a_circle_is_refused(hand):
    hand.drag(hand.port("pool.embed", True), hand.port("pool_2.embed", True))
    assert "gives" in hand.canvas.bubble.text()
    hand.drag(hand.port("mixer.tokens", True), hand.port("mixer.tokens", False))
    assert hand.session.edits == []


def test_while_a_wire_is_drawn_what_fits_is_lit(hand):
    hand.press(hand.port("vit.tokens", True))
    hand.move(hand.port("vit.tokens", True) + QPointF(40, 60))
    nodes = hand.canvas.board.nodes
    assert nodes["mixer"].fitting == {("tokens", False)}
    assert nodes["infonce"].fitting == frozenset()
    assert hand.canvas.board.wires["pool.embed>infonce.left"].faded
    hand.key(Qt.Key.Key_Escape)
    assert all(item.fitting is None for item in nodes.values())
    hand.release(hand.free())
    assert hand.session.edits == []


def test_dragging_a_wires_end_off_disconnects(hand):
    before = hand.session.now
    hand.drag(hand.port("vit.image", False), QPointF(430, 480))
    assert "augment.image>vit.image" not in hand.wire_keys()
    assert not hand.canvas.search.isVisible()
    hand.round_trip(before)


def test_a_wires_end_moves_to_another_port(hand):
    hand.drag(hand.port("infonce.left", False), hand.port("infonce.right", False))
    assert "pool.embed>infonce.right" in hand.wire_keys()
    assert not any(key.endswith("infonce.left") for key in hand.wire_keys())


def test_a_wire_dropped_on_paper_asks_for_what_fits(hand):
    before = hand.session.now
    hand.drag(hand.port("vit.tokens", True), QPointF(800, 560))
    search = hand.canvas.search
    assert search.isVisible()
    keys = [search.results.item(i).data(Qt.ItemDataRole.UserRole) for i in range(search.results.count())]
    assert "connectors.pool" in keys
    assert "objectives.infonce" not in keys
    search.field.setText("cross")
    QTest.keyClick(search.field, Qt.Key.Key_Return)
    assert "vit.tokens>cross.queries" in hand.wire_keys()
    assert hand.canvas.selection() == ["cross"]
    hand.round_trip(before)


def test_alt_click_breaks_a_port(hand):
    before = hand.session.now
    hand.click(hand.port("words.tokens", True), ALT)
    assert not any(key.startswith("words.tokens") for key in hand.wire_keys())
    hand.round_trip(before)


def test_ctrl_drag_carries_all_wires_of_a_port(hand):
    hand.drag(hand.port("pool_2.embed", True), hand.port("pool.embed", True), CTRL)
    assert {"pool.embed>infonce.left", "pool.embed>infonce.right"} <= set(hand.wire_keys())
    assert "pool_2.embed>infonce.right" not in hand.wire_keys()
    before = hand.session.now
    hand.drag(hand.port("words.tokens", True), hand.port("mixer.tokens", True), CTRL)
    assert hand.session.now is before  # a placeholder's port takes no new wire
    assert "no port called anything" in hand.canvas.bubble.text()


@pytest.mark.parametrize(("keys", "inserted"), [(Qt.KeyboardModifier.NoModifier, True), (ALT, False)])
def test_dropping_a_node_on_a_wire_inserts_it(hand, keys, inserted):
    added, name = edits.add_node(hand.session.now, "connectors.mixer", 700, 540)
    hand.session.take(added, "x", "")
    before = hand.session.now
    wire = hand.canvas.board.wires["words.tokens>pool_2.tokens"]
    to = QPointF(*wire.pieces[0][0]) + QPointF(180, 0)
    middle = hand.canvas.board.nodes[name].box.center() - hand.head(name)
    hand.drag(hand.head(name), to - middle, keys)
    assert (f"words.tokens>{name}.tokens" in hand.wire_keys()) is inserted
    assert (f"{name}.tokens>pool_2.tokens" in hand.wire_keys()) is inserted
    hand.round_trip(before)


def test_reroute_points_come_move_and_go(hand):
    key = "words.tokens>pool_2.tokens"
    item = hand.canvas.board.wires[key]
    spot = QPointF(item.pieces[0][0][0] + 100, item.pieces[0][0][1])
    hand.double_click(spot)
    assert len(hand.canvas.board.wires[key].wire.via) == 1
    hand.drag(spot, spot + QPointF(20, 50))
    x, y = hand.canvas.board.wires[key].wire.via[0]
    assert abs(x - spot.x() - 20) < 2
    assert abs(y - spot.y() - 50) < 2
    hand.double_click(QPointF(x, y))
    assert hand.canvas.board.wires[key].wire.via == ()
    assert hand.session.edits == ["Reroute a wire"] * 3


def test_a_frame_moves_what_is_inside_and_can_be_resized(hand):
    before = hand.session.now
    title = QPointF(560, 62)
    hand.drag(title, title + QPointF(20, 30))
    now = hand.session.now
    assert now.frames["frame_1"].x == before.frames["frame_1"].x + 20
    assert now.nodes["vit"].y == before.nodes["vit"].y + 30
    assert now.nodes["words"] == before.nodes["words"]
    hand.round_trip(before)
    frame = now.frames["frame_1"]
    corner = QPointF(frame.x + frame.width, frame.y + frame.height)
    hand.drag(corner, corner + QPointF(40, 25))
    assert hand.session.now.frames["frame_1"].width == frame.width + 40
    assert hand.session.now.frames["frame_1"].height == frame.height + 25
    hand.round_trip(now)


def test_middle_drag_and_space_drag_pan(hand):
    seen = hand.canvas.seen()
    hand.drag(hand.free(), hand.free() + QPointF(50, 20), button=Qt.MouseButton.MiddleButton)
    assert abs(hand.canvas.seen().x() - seen.x()) >= 49
    QTest.keyPress(hand.canvas, Qt.Key.Key_Space)
    seen = hand.canvas.seen()
    hand.drag(hand.head("vit"), hand.head("vit") + QPointF(50, 20))
    QTest.keyRelease(hand.canvas, Qt.Key.Key_Space)
    assert abs(hand.canvas.seen().x() - seen.x()) >= 40
    assert not hand.canvas.search.isVisible()
    assert hand.session.edits == []


def test_a_wire_can_be_selected_and_deleted(hand):
    item = hand.canvas.board.wires["words.tokens>pool_2.tokens"]
    hand.click(QPointF(item.pieces[0][0][0] + 60, item.pieces[0][0][1]))
    assert hand.canvas.selected_wires == {"words.tokens>pool_2.tokens"}
    hand.key(Qt.Key.Key_Delete)
    assert "words.tokens>pool_2.tokens" not in hand.wire_keys()


def test_a_session_that_refuses_leaves_the_drawing_as_it_was(hand):
    hand.canvas.documentEdited.disconnect(hand.session.take)
    hand.drag(hand.head("vit"), hand.head("vit") + QPointF(80, 80))
    hand.agrees()
    assert sample.document().nodes["vit"].x == hand.canvas.board.nodes["vit"].x()


def test_what_is_put_between_is_in_sight(hand):
    hand.session.take(edits.move(hand.session.now, {"infonce": (1240.0, 2400.0)}), "x", "")
    source, target = sample.end("words.tokens"), sample.end("infonce.right")
    (bridge,) = hand.canvas.bridges_between(source, target)
    hand.canvas.centerOn(QPointF(-4000, -4000))
    hand.canvas.add_bridge(FoundBridge(bridge=bridge, source=source, target=target))
    (name,) = hand.canvas.selection()
    assert hand.canvas.seen().contains(hand.canvas.board.nodes[name].box)


def test_the_knife_cuts_every_wire_it_crosses_in_one_step_and_esc_cuts_none(hand):
    before, board = hand.session.now, hand.canvas.board
    wires = {key: item for key, item in board.wires.items() if "words" not in key}
    x, y = g.middle_of(next(iter(wires.values())).pieces)
    start, end = QPointF(x - 1, y - 15), QPointF(x + 1, y + 15)
    right = Qt.MouseButton.RightButton
    hand.press(start, CTRL, right)
    hand.move(end)
    crossed = set(hand.canvas.selected_wires)
    assert next(iter(wires)) in crossed
    QTest.keyClick(hand.canvas, Qt.Key.Key_Escape)
    hand.release(end, CTRL, right)
    assert hand.session.now == before
    assert not hand.canvas.selected_wires
    hand.drag(start, end, CTRL, right)
    assert {wire.key for wire in before.wires} - {wire.key for wire in hand.session.now.wires} == crossed
    assert hand.session.edits == ["Cut wires"]
    hand.round_trip(before)


def test_a_question_mark_is_no_search_and_ctrl_with_the_right_button_no_menu(hand):
    hand.canvas.setFocus()
    QTest.keyClick(hand.canvas, Qt.Key.Key_Question, SHIFT)
    assert not hand.canvas.search.isVisible()
    place = hand.pixel(hand.head("vit"))
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, hand.canvas.mapToGlobal(place), CTRL)
    hand.canvas.contextMenuEvent(asked)
    assert QApplication.activePopupWidget() is None
