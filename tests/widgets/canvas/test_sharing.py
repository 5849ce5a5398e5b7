"""Sharing weights by key, by list, by click and in the outline; what is drawn of it, and what is said where it cannot be."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.graph import edits
from tests.widgets import sample
from tests.widgets.canvas.conftest import Hand
from widgets.canvas import geometry as g
from widgets.canvas import menus
from widgets.canvas.outline import Outline
from widgets.canvas.tips import node_tip
from widgets.look.titles import use_vocabulary

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
K = Qt.Key
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support (propagateSizeHints|raise|grabbing)")


@pytest.fixture(autouse=True)
def words():
    use_vocabulary(sample.vocabulary())


def open_menu() -> QMenu:
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def owners(hand: Hand) -> dict[str, str]:
    return {key: node.same_as for key, node in hand.session.now.nodes.items() if node.same_as}


def test_by_keys_alone_and_back(hand):
    before = hand.session.now
    hand.canvas.select(["pool_2"])
    hand.key(K.Key_W)
    menu = open_menu()
    assert [action.objectName() for action in menu.actions() if action.objectName()] == [
        "share_with_pool",
        "await_click",
    ]
    QTest.keyClick(menu, K.Key_Down)
    QTest.keyClick(menu, K.Key_Return)
    assert owners(hand) == {"pool_2": "pool"}
    hand.round_trip(before)
    shared = hand.session.now
    hand.canvas.select(["pool_2"])
    hand.key(K.Key_W, SHIFT)
    assert owners(hand) == {}
    hand.round_trip(shared)


def test_several_selected_have_the_weights_of_the_first_at_once(hand):
    hand.session.take(edits.add_node(hand.session.now, "connectors.pool", 990, 420)[0], "add", "")
    hand.canvas.select(["pool_2", "pool", "pool_3"])
    hand.key(K.Key_W)
    assert owners(hand) == {"pool": "pool_2", "pool_3": "pool_2"}
    hand.canvas.select(["pool", "vit"])
    hand.key(K.Key_W)
    assert "two kinds of blocks" in hand.session.said[-1]


def test_by_a_click_on_another_block(hand):
    hand.canvas.select(["pool_2"])
    hand.canvas.await_click("pool_2")
    faded = {name for name, item in hand.canvas.board.nodes.items() if item.fitting == frozenset()}
    assert faded == set(hand.session.now.nodes) - {"pool", "pool_2"}
    hand.click(hand.head("pool"))
    assert owners(hand) == {"pool_2": "pool"}
    assert all(item.fitting is None for item in hand.canvas.board.nodes.values())
    assert hand.canvas.sharer == ""


def test_a_click_on_what_does_not_fit_says_why_and_esc_ends_it(hand):
    hand.canvas.await_click("pool_2")
    hand.click(hand.head("vit"))
    assert "two kinds of blocks" in hand.canvas.bubble.text()
    assert owners(hand) == {}
    hand.canvas.await_click("pool_2")
    hand.key(K.Key_Escape)
    assert hand.canvas.sharer == ""
    assert all(item.fitting is None for item in hand.canvas.board.nodes.values())
    hand.canvas.await_click("pool_2")
    hand.click(hand.free())
    assert hand.canvas.sharer == ""
    assert owners(hand) == {}


@pytest.mark.parametrize(
    ("node", "word"),
    [("infonce", "no other InfoNCE"), ("augment", "has no weights"), ("block", "is not known here")],
)
def test_where_none_fits_the_key_and_the_menu_say_why(hand, node, word):
    hand.canvas.select([node])
    hand.key(K.Key_W)
    assert QApplication.activePopupWidget() is None
    assert word in hand.session.said[-1]
    menu = menus.menu_for(hand.canvas, QPointF())
    action = next(a for a in menu.actions() if a.objectName() == "share_weights")
    assert not action.isEnabled()
    assert word in action.toolTip()
    menu.close()


def test_nothing_selected_and_nothing_shared_are_said(hand):
    hand.canvas.select([])
    hand.canvas.share_weights()
    hand.canvas.own_weights()
    assert hand.session.said == ["Select a node first."] * 2
    hand.canvas.select(["pool"])
    hand.key(K.Key_W, ALT | SHIFT)
    assert hand.session.said[-1] == "The selected blocks have their own weights."


def share(hand: Hand) -> None:
    hand.session.take(edits.share_weights(hand.session.now, "pool_2", "pool"), "share", "")


def test_a_chain_mark_and_thin_lines_on_hover_and_selection(hand):
    board = hand.canvas.board
    plain = board.nodes["pool"]._state()
    share(hand)
    assert {name for name, item in board.nodes.items() if item.is_shared} == {"pool", "pool_2"}
    assert board.nodes["pool"]._state() != plain
    assert board.shared.lines == ()
    hand.move(hand.head("pool_2"))
    between = (g.between(board.nodes["pool"].box, board.nodes["pool_2"].box),)
    assert board.shared.lines == between
    hand.move(hand.free())
    assert board.shared.lines == ()
    hand.canvas.select(["pool"])
    assert board.shared.lines == between
    hand.drag(hand.head("pool"), hand.head("pool") + QPointF(60, 100))
    assert board.shared.lines == (g.between(board.nodes["pool"].box, board.nodes["pool_2"].box),)
    assert board.shared.lines != between
    hand.canvas.own_weights()
    assert board.shared.lines == ()
    assert not any(item.is_shared for item in board.nodes.values())


def test_the_tip_says_whose_weights(hand):
    share(hand)
    assert "Same weights as Pool" in node_tip(hand.canvas, "pool_2")
    assert "Its weights are also in Pool 2" in node_tip(hand.canvas, "pool")
    assert "eights" not in node_tip(hand.canvas, "vit")


@pytest.fixture
def outline(hand, qtbot) -> Outline:
    made = Outline()
    qtbot.addWidget(made)
    made.bind(hand.canvas)
    made.set_vocabulary(sample.vocabulary())
    made.set_document(hand.session.now)
    hand.canvas.documentEdited.connect(lambda *_: made.set_document(hand.session.now))
    made.show()
    return made


def spoken(outline: Outline, node: str) -> str:
    return str(outline._rows[node].data(0, Qt.ItemDataRole.AccessibleTextRole))


def test_in_the_outline_alone_and_back(hand, outline):
    outline.tree.setFocus()
    outline.tree.setCurrentItem(outline._rows["pool_2"])
    QTest.keyClick(outline.tree, K.Key_W, ALT)
    menu = open_menu()
    QTest.keyClick(menu, K.Key_Down)
    QTest.keyClick(menu, K.Key_Return)
    assert owners(hand) == {"pool_2": "pool"}
    assert spoken(outline, "pool_2").endswith("same weights as Pool")
    assert spoken(outline, "pool").endswith("weights in 2 places")
    QTest.keyClick(outline.tree, K.Key_W, ALT | SHIFT)
    assert owners(hand) == {}
    assert spoken(outline, "pool_2") == "Pool, Connectors"
    assert spoken(outline, "pool") == "Pool, Connectors"


def test_the_outline_has_the_canvas_menu(hand, outline):
    row = outline._rows["pool_2"]
    outline.tree.setCurrentItem(row)
    outline.tree.customContextMenuRequested.emit(outline.tree.visualItemRect(row).center())
    menu = open_menu()
    assert "own_weights" in {action.objectName() for action in menu.actions()}
    assert not next(a for a in menu.actions() if a.objectName() == "own_weights").isEnabled()
    menu.close()


def test_a_renamed_or_deleted_owner_is_told_in_the_outline(hand, outline):
    share(hand)
    outline.set_document(hand.session.now)
    outline.set_document(edits.change_node(hand.session.now, "pool", title="First view"))
    assert spoken(outline, "pool_2").endswith("same weights as First view")
    outline.set_document(edits.remove_nodes(hand.session.now, ["pool"], sample.vocabulary()))
    assert spoken(outline, "pool_2") == "Pool, Connectors"


def test_a_line_runs_from_edge_to_edge():
    one, other = QRectF(0, 0, 100, 40), QRectF(300, 0, 100, 40)
    assert g.between(one, other) == (QPointF(100, 20), QPointF(300, 20))
    assert g.between(one, QRectF(0, 140, 100, 40)) == (QPointF(50, 40), QPointF(50, 140))
    start, end = g.between(one, QRectF(200, 200, 100, 40))
    assert (start.y(), end.y()) == (40.0, 200.0)  # it leaves below and comes in from above
