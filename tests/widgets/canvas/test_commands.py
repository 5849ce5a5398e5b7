"""Every command by its key or its menu, the clipboard with friendly and hostile text, and what is said when nothing can be done."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest

from core.graph import edits, file
from core.graph.document import Document, Node
from tests.widgets import sample
from widgets.canvas import menus
from widgets.canvas.commands import commands
from widgets.look.entry import BLOCK_MIME

SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
K = Qt.Key


def test_delete_keeps_the_wire_of_a_node_with_one_way_through(hand):
    before = hand.session.now
    hand.canvas.select(["mixer"])
    hand.key(K.Key_Delete)
    assert "vit.tokens>pool.tokens" in hand.wire_keys()
    hand.round_trip(before)


def test_alt_delete_does_not_and_backspace_deletes_too(hand):
    hand.canvas.select(["mixer"])
    hand.key(K.Key_Delete, ALT)
    assert "vit.tokens>pool.tokens" not in hand.wire_keys()
    hand.canvas.select(["vit"])
    hand.key(K.Key_Backspace)
    assert "vit" not in hand.session.now.nodes
    assert hand.canvas.selection() == []


def test_arrows_nudge_and_a_row_of_nudges_is_one_step(hand):
    before = hand.session.now
    hand.canvas.select(["vit"])
    for _ in range(3):
        hand.key(K.Key_Right)
    hand.key(K.Key_Down, SHIFT)
    assert hand.session.now.nodes["vit"].x == before.nodes["vit"].x + 15
    assert hand.session.now.nodes["vit"].y == before.nodes["vit"].y + 20
    hand.round_trip(before)


def test_ctrl_arrows_walk_along_wires(hand):
    hand.canvas.select(["vit"])
    hand.key(K.Key_Right, CTRL)
    assert hand.canvas.selection() == ["mixer"]
    hand.key(K.Key_Left, CTRL)
    hand.key(K.Key_Left, CTRL)
    assert hand.canvas.selection() == ["augment"]
    hand.key(K.Key_Down, CTRL)
    assert hand.canvas.selection() == ["bpe"]
    assert hand.session.edits == []


def test_copy_and_paste_into_another_document(hand, qtbot):
    hand.canvas.select(["vit", "mixer"])
    hand.key(K.Key_C, CTRL)
    text = QGuiApplication.clipboard().text()
    assert set(file.loads(text).nodes) == {"vit", "mixer"}
    hand.session.history = sample.History(Document(id="other"))
    hand.canvas.set_document(hand.session.now)
    hand.key(K.Key_V, CTRL)
    assert {node.block for node in hand.session.now.nodes.values()} == {"encoders.vit", "connectors.mixer"}
    assert hand.wire_keys() == ["vit.tokens>mixer.tokens"]
    assert set(hand.canvas.selection()) == {"vit", "mixer"}
    assert dict(hand.session.now.nodes["vit"].knobs) == {"depth": 4, "patch_dropout": 0.5}


def test_paste_with_wires_draws_the_incoming_ones_again(hand):
    before = hand.session.now
    hand.canvas.select(["pool"])
    hand.key(K.Key_C, CTRL)
    hand.key(K.Key_V, CTRL | SHIFT)
    new = hand.canvas.selection()[0]
    assert f"mixer.tokens>{new}.tokens" in hand.wire_keys()
    hand.round_trip(before)


def test_cut_and_duplicate(hand):
    before = hand.session.now
    hand.canvas.select(["pool"])
    hand.key(K.Key_X, CTRL)
    assert "pool" not in hand.session.now.nodes
    hand.round_trip(before)
    hand.canvas.select(["pool_2"])
    hand.key(K.Key_D, CTRL)
    new = hand.canvas.selection()[0]
    assert hand.session.now.nodes[new].block == "connectors.pool"
    assert new != "pool_2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "not valid JSON"),
        ("", "not valid JSON"),
        ('{"format": "other"}', "not a Crossmodal Studio document"),
        ("[" * 100_000, "nested"),
        ('{"format": "crossmodal-studio", "version": 99}', "newer studio"),
        ('{"format": "crossmodal-studio", "version": 1}', "no blocks in it"),
        ('{"format": "crossmodal-studio", "version": 1, "nodes": {"a": {"block": "x", "x": NaN}}}', "NaN"),
        ('{"format": "crossmodal-studio", "version": 1, "nodes": {"a": 5}}', "names its block"),
    ],
)
def test_hostile_text_is_a_sentence_not_a_crash(hand, text, words):
    before = hand.session.now
    QGuiApplication.clipboard().setText(text)
    hand.key(K.Key_V, CTRL)
    assert hand.session.now is before
    assert len(hand.session.said) == 1
    assert words in hand.session.said[0]


def test_a_foreign_block_is_pasted_as_a_placeholder(hand):
    alien = Document(nodes={"a": Node(id="a", block="<b>alien</b>", knobs={"x": 1})})
    QGuiApplication.clipboard().setText(file.dumps(alien))
    hand.key(K.Key_V, CTRL)
    new = hand.canvas.selection()[0]
    assert dict(hand.session.now.nodes[new].knobs) == {"x": 1}
    assert not hand.canvas.board.nodes[new].spec.known
    hand.canvas.grab()


@pytest.mark.parametrize(
    ("key", "keys", "field"),
    [(K.Key_M, Qt.KeyboardModifier.NoModifier, "muted"), (K.Key_B, CTRL, "bypassed"), (K.Key_C, ALT, "collapsed")],
)
def test_states_toggle_by_key(hand, key, keys, field):
    before = hand.session.now
    hand.canvas.select(["mixer", "vit"])
    hand.key(key, keys)
    assert all(getattr(hand.session.now.nodes[n], field) for n in ("mixer", "vit"))
    hand.round_trip(before)
    hand.key(key, keys)
    assert not any(getattr(hand.session.now.nodes[n], field) for n in ("mixer", "vit"))


def test_f2_renames_in_place_and_esc_keeps_the_old_title(hand):
    hand.canvas.select(["vit"])
    hand.key(K.Key_F2)
    editor = hand.canvas._editor
    assert editor.isVisible()
    QTest.keyClicks(editor, "image tower")
    QTest.keyClick(editor, K.Key_Return)
    assert hand.session.now.nodes["vit"].title == "image tower"
    assert hand.canvas.board.nodes["vit"].shape_now.title == "image tower"
    hand.key(K.Key_F2)
    QTest.keyClicks(hand.canvas._editor, "other")
    QTest.keyClick(hand.canvas._editor, K.Key_Escape)
    assert hand.session.now.nodes["vit"].title == "image tower"
    hand.double_click(hand.head("words"))
    assert hand.canvas._editor.text() == "Text transformer"


def test_ctrl_g_frames_and_asks_for_a_title(hand):
    before = hand.session.now
    hand.canvas.select(["words", "pool_2"])
    hand.key(K.Key_G, CTRL)
    frame = hand.session.now.frames["frame_2"]
    assert frame.x < before.nodes["words"].x
    QTest.keyClicks(hand.canvas._editor, "text tower")
    QTest.keyClick(hand.canvas._editor, K.Key_Return)
    assert hand.session.now.frames["frame_2"].title == "text tower"


def test_tidy_lays_out_in_layers_and_can_glide(hand, qtbot):
    before = hand.session.now
    hand.canvas.tidy()
    now = hand.session.now
    assert now.nodes["pairs"].x < now.nodes["vit"].x < now.nodes["infonce"].x
    frame, vit = now.frames["frame_1"], now.nodes["vit"]
    assert frame.x < vit.x < frame.x + frame.width
    hand.round_trip(before)
    hand.session.undo()
    hand.canvas.set_reduced_motion(False)
    hand.canvas.tidy()
    assert hand.canvas._glide is not None
    assert hand.canvas._glide.duration() <= 150
    qtbot.waitUntil(lambda: hand.canvas._glide is None, timeout=2000)
    hand.agrees()


def test_connect_selected_joins_from_left_to_right(hand):
    document = edits.disconnect(hand.session.now, ["vit.tokens>mixer.tokens"])
    hand.session.take(document, "x", "")
    hand.canvas.select(["mixer", "vit"])
    hand.key(K.Key_J)
    assert "vit.tokens>mixer.tokens" in hand.wire_keys()
    hand.canvas.select(["vit", "infonce"])
    hand.canvas.connect_selected()
    assert hand.session.said


def test_repeat_only_where_it_can_be(hand):
    hand.canvas.select(["mixer"])
    hand.canvas.set_repeat(6)
    assert hand.session.now.nodes["mixer"].repeat == 6
    hand.canvas.select(["vit"])
    hand.canvas.set_repeat(6)
    assert hand.session.now.nodes["vit"].repeat == 1
    assert "repeated" in hand.session.said[-1]


def test_zoom_stays_at_the_cursor_and_fit_shows_all(hand):
    pixel = QPointF(400, 300)
    before = hand.canvas.mapToScene(pixel.toPoint())
    hand.canvas.zoom_to(1.6, pixel)
    after = hand.canvas.mapToScene(pixel.toPoint())
    assert (before - after).manhattanLength() < 3
    hand.key(K.Key_0, CTRL)
    assert hand.canvas.scale_now == 1.0
    hand.key(K.Key_Minus, CTRL)
    assert hand.canvas.scale_now < 1.0
    hand.key(K.Key_Home)
    assert hand.canvas.seen().contains(hand.canvas.board.content())


@pytest.mark.parametrize(("key", "text"), [(K.Key_Space, ""), (K.Key_Tab, ""), (K.Key_T, "t")])
def test_keys_open_the_search_and_enter_adds(hand, key, text):
    before = hand.session.now
    hand.canvas.select([])
    hand.key(key)
    search = hand.canvas.search
    assert search.isVisible()
    assert search.field.text() == text
    search.field.setText("vit")
    assert search.results.item(0).text() == "ViT"
    QTest.keyClick(search.field, K.Key_Return)
    assert not search.isVisible()
    assert hand.canvas.selection() == ["vit_2"]
    hand.round_trip(before)


def test_double_click_on_paper_opens_the_search_there_and_esc_closes_only_that(hand):
    hand.canvas.select(["vit"])
    hand.double_click(hand.free())
    assert hand.canvas.search.isVisible()
    QTest.keyClick(hand.canvas.search.field, K.Key_Escape)
    assert not hand.canvas.search.isVisible()
    hand.canvas.select(["vit"])
    hand.key(K.Key_Escape)
    assert hand.canvas.selection() == []


def test_the_search_says_when_nothing_fits(hand):
    hand.canvas.open_search(text="qqqq")
    assert hand.canvas.search._nothing.isVisible()
    QTest.keyClick(hand.canvas.search.field, K.Key_Return)
    assert hand.session.edits == []


def drop(hand, key: str, at: QPointF) -> None:
    mime = QMimeData()
    mime.setData(BLOCK_MIME, key.encode())
    event = QDropEvent(
        QPointF(hand.pixel(at)),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    hand.canvas.dropEvent(event)


def test_a_block_dropped_from_the_palette_lands_there_or_in_a_wire(hand):
    drop(hand, "encoders.vit", hand.free())
    assert hand.canvas.board.nodes["vit_2"].box.contains(hand.free())
    wire = hand.canvas.board.wires["words.tokens>pool_2.tokens"]
    drop(hand, "connectors.mixer", QPointF(*wire.pieces[0][0]) + QPointF(150, 0))
    assert {"words.tokens>mixer_2.tokens", "mixer_2.tokens>pool_2.tokens"} <= set(hand.wire_keys())
    drop(hand, "no.such", hand.free())
    assert "no.such" in hand.session.said[-1]


def test_every_command_is_a_method_and_menus_hold_the_right_ones(hand):
    assert all(callable(getattr(hand.canvas, command.method)) for command in commands())
    hand.canvas.select(["mixer"])
    menu = menus.menu_for(hand.canvas, hand.free())
    names = {action.objectName() for action in menu.actions()}
    assert {"copy", "delete", "mute", "bypass", "rename"} <= names
    assert "paste" not in names
    hand.canvas.select([], wires=["vit.tokens>mixer.tokens"])
    names = {action.objectName() for action in menus.menu_for(hand.canvas, hand.free()).actions()}
    assert {"delete", "add_via"} <= names
    hand.canvas.select([])
    names = {action.objectName() for action in menus.menu_for(hand.canvas, hand.free()).actions()}
    assert {"paste", "open_search", "select_all", "tidy"} <= names


@pytest.mark.parametrize(
    "method", ["copy", "cut", "duplicate", "mute", "bypass", "collapse", "frame_selection", "rename"]
)
def test_a_command_without_a_selection_says_what_to_do(hand, method):
    hand.canvas.select([])
    getattr(hand.canvas, method)()
    assert hand.session.edits == []
    assert len(hand.session.said) == 1


def test_undo_everything(hand):
    start = hand.session.now
    hand.canvas.select_all()
    hand.canvas.duplicate()
    hand.canvas.mute()
    hand.canvas.tidy()
    hand.canvas.delete()
    steps = 0
    while hand.session.undo():
        steps += 1
        hand.agrees()
    assert steps == 4
    assert hand.session.now == start


def test_the_menus_delete_keeps_the_wire_like_the_key(hand):
    hand.canvas.select(["mixer"])
    menu = menus.menu_for(hand.canvas, hand.free())
    next(action for action in menu.actions() if action.objectName() == "delete").trigger()
    assert "vit.tokens>pool.tokens" in hand.wire_keys()


def boxes(hand, *names):
    return [hand.canvas.board.nodes[name].box for name in names]


@pytest.mark.parametrize(
    ("method", "keys", "line"),
    [
        ("align_left", "Left", lambda box: box.left()),
        ("align_center", "C", lambda box: box.center().x()),
        ("align_right", "Right", lambda box: box.right()),
        ("align_top", "Up", lambda box: box.top()),
        ("align_middle", "M", lambda box: box.center().y()),
        ("align_bottom", "Down", lambda box: box.bottom()),
    ],
)
def test_blocks_are_put_on_one_line_and_back(hand, method, keys, line):
    before, names = hand.session.now, ("bpe", "vit", "pool_2")
    hand.canvas.select(list(names))
    hand.key(getattr(Qt.Key, f"Key_{keys}"), Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    hand.canvas.arrive()
    found = [line(box) for box in boxes(hand, *names)]
    assert max(found) - min(found) < 1e-6, method
    other = "x" if method in ("align_top", "align_middle", "align_bottom") else "y"
    for name in names:
        assert getattr(hand.session.now.nodes[name], other) == getattr(before.nodes[name], other)
    assert len(hand.session.edits) == 1
    hand.round_trip(before)


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [(Qt.Key.Key_H, "left", "right"), (Qt.Key.Key_V, "top", "bottom")],
)
def test_blocks_stand_at_equal_distances_and_the_outermost_stay(hand, key, start, end):
    names = ("augment", "words", "mixer", "infonce")
    before = sorted(boxes(hand, *names), key=lambda box: getattr(box, start)())
    hand.canvas.select(list(names))
    hand.key(key, Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    hand.canvas.arrive()
    after = sorted(boxes(hand, *names), key=lambda box: getattr(box, start)())
    gaps = [getattr(then, start)() - getattr(one, end)() for one, then in pairwise(after)]
    assert max(gaps) - min(gaps) < 1e-6
    assert getattr(after[0], start)() == getattr(before[0], start)()
    assert getattr(after[-1], end)() == pytest.approx(getattr(before[-1], end)())


def test_too_few_blocks_to_align_are_said_in_the_menu_and_by_the_key(hand):
    hand.canvas.select(["vit"])
    menu = menus.menu_for(hand.canvas, hand.free())
    (align,) = [action.menu() for action in menu.actions() if action.text() == "Align"]
    assert [action.isEnabled() for action in align.actions()] == [False] * 8
    hand.key(Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    assert "2 or more" in hand.session.said[-1]
    assert hand.session.edits == []


def test_a_block_on_the_canvas_is_found_by_a_few_letters(hand):
    hand.session.take(edits.change_node(hand.session.now, "pool_2", title="Caption vector"), "x", "")
    hand.key(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = hand.canvas.search
    assert search.isVisible()
    assert search.results.count() == len(hand.session.now.nodes)
    QTest.keyClicks(search.field, "caption v")
    assert search.results.item(0).text() == "Caption vector"
    QTest.keyClick(search.field, Qt.Key.Key_Return)
    assert search.isHidden()
    assert hand.canvas.selection() == ["pool_2"]
    assert len(hand.session.edits) == 1, "looking changes nothing"
