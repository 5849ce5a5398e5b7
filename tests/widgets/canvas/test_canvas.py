"""What the canvas shows: items by identity, facts, problems, placeholders, limits, distance, the overview and the outline."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest

from core.graph import edits, rules
from core.graph.document import Document, End, Node
from core.graph.file import MOST_NODES
from core.graph.vocabulary import Vocabulary
from studio.benches import canvas_frames
from tests.widgets import sample
from widgets.canvas import tips
from widgets.canvas.outline import Outline
from widgets.canvas.reconcile import difference
from widgets.canvas.view import CanvasView
from widgets.look.theme import look


def test_reconciling_keeps_items_and_touches_only_what_changed(hand):
    board = hand.canvas.board
    before = dict(board.nodes), dict(board.wires)
    versions = {name: item._version for name, item in board.nodes.items()}
    moved = edits.change_node(hand.session.now, "vit", x=500.0)
    found = difference(hand.session.now, moved)
    assert found.nodes.other == ("vit",)
    assert not found.wires
    hand.session.take(moved, "Move", "")
    assert all(board.nodes[name] is item for name, item in before[0].items())
    assert all(board.wires[key] is item for key, item in before[1].items())
    assert {n for n, item in board.nodes.items() if item._version != versions[n]} == {"vit"}
    hand.agrees()


def test_an_equal_document_changes_nothing(hand):
    copy = replace(hand.session.now, nodes={name: replace(node) for name, node in hand.session.now.nodes.items()})
    found = difference(hand.session.now, copy)
    assert not any((found.nodes, found.wires, found.frames))


def test_unknown_blocks_are_placeholders_with_the_ports_their_wires_name(hand):
    item = hand.canvas.board.nodes["block"]
    assert not item.spec.known
    assert [spot.port.name for spot in item.shape_now.spots] == ["anything"]
    hand.session.take(edits.disconnect(hand.session.now, ["words.tokens>block.anything"]), "x", "")
    assert hand.canvas.board.nodes["block"].shape_now.spots == ()
    hand.canvas.grab()


def test_a_vocabulary_that_comes_later_fills_the_placeholders(qtbot):
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.set_document(sample.document())
    assert not canvas.board.nodes["vit"].spec.known
    canvas.set_vocabulary(sample.vocabulary())
    assert canvas.board.nodes["vit"].spec.title == "ViT"
    assert canvas.board.wires["vit.tokens>mixer.tokens"].modality == "shared"


def test_facts_reach_nodes_wires_and_tips(hand):
    board = hand.canvas.board
    assert board.nodes["vit"]._count == "2.1 M"
    assert "38 MFLOPs" in board.nodes["vit"]._detail
    assert board.wires["vit.tokens>mixer.tokens"].facts.concrete == "B 65 192"
    assert not board.wires["words.tokens>pool_2.tokens"].carries_gradient
    assert board.wires["pairs.image>augment.image"].carries_gradient
    tip = tips.wire_tip(hand.canvas, board.wires["vit.tokens>mixer.tokens"].wire)
    for words in ("B N D", "B 65 192", "65 tokens", "6.1 MiB", "image · float32", "A gradient flows"):
        assert words in tip
    assert "differ in width" in tips.node_tip(hand.canvas, "infonce")
    hand.canvas.set_analysis(None)
    assert board.nodes["vit"]._count == ""
    assert board.wires["vit.tokens>mixer.tokens"].facts is None


def test_untrusted_titles_are_escaped_in_tips(hand):
    hand.session.take(edits.change_node(hand.session.now, "vit", title="<img src=x>"), "x", "")
    assert "<img" not in tips.node_tip(hand.canvas, "vit")


def test_problems_are_badges_and_a_bar_with_the_fix(hand, qtbot):
    assert hand.canvas.board.nodes["infonce"].severity == "error"
    assert hand.canvas.board.nodes["words"].severity == "hint"
    bar = hand.canvas.problem_bar
    assert bar.isVisible()
    assert "differ in width" in bar.sentence.text()
    bar.next.click()
    bar.next.click()
    assert "from scratch" in bar.sentence.text()
    with qtbot.waitSignal(hand.canvas.fixRequested) as caught:
        bar.fix.click()
    assert caught.args[0].fix.edit == "set_rule"
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton)
    assert hand.canvas.selection() == ["words"]


def test_reveal_scrolls_selects_and_pulses(hand):
    hand.canvas.set_reduced_motion(False)
    hand.canvas.centerOn(5000, 5000)
    hand.canvas.reveal("infonce")
    assert hand.canvas.seen().contains(hand.canvas.board.nodes["infonce"].box)
    assert hand.canvas.selection() == ["infonce"]
    hand.canvas.reveal("no such node")


def test_ports_that_fit_are_what_the_rules_say(hand):
    document, vocabulary = hand.session.now, hand.canvas.vocabulary
    for name in document.nodes:
        takes, gives = rules.ports_of(document, name, vocabulary)
        for outgoing, ports in ((True, gives), (False, takes)):
            for port in ports if vocabulary.spec(document.nodes[name].block).known else ():
                loose = End(node=name, port=port.name)
                expected = set()
                for other in document.nodes:
                    spec = vocabulary.spec(document.nodes[other].block)
                    for there in spec.takes if outgoing else spec.gives:
                        end = End(node=other, port=there.name)
                        pair = (loose, end) if outgoing else (end, loose)
                        if not rules.refusal(document, *pair, vocabulary):
                            expected.add(end)
                assert rules.fitting_ends(document, loose, outgoing, vocabulary) == expected


def test_five_thousand_nodes_are_shown_and_one_more_is_refused(qtbot):
    document, vocabulary = canvas_frames.drawing(MOST_NODES, 100)
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.set_vocabulary(vocabulary)
    session = sample.Session(canvas, document)
    canvas.resize(1000, 700)
    canvas.show()
    canvas.fit_all()
    canvas.grab()
    assert len(canvas.board.nodes) == MOST_NODES
    canvas.add_block("bench.image")
    assert session.edits == []
    assert "5000" in session.said[0]


def test_hostile_places_do_not_crash_the_paper(hand):
    nodes = {
        f"n{i}": Node(id=f"n{i}", block="encoders.vit", x=x, y=-x) for i, x in enumerate((1e300, -1e300, 1e15, 0.0))
    }
    hand.session.take(Document(id="far", nodes=nodes), "x", "")
    hand.canvas.fit_all()
    hand.canvas.grab()
    assert abs(hand.canvas.board.nodes["n0"].x()) <= 1e6


def painted(canvas: CanvasView) -> QImage:
    image = QImage(canvas.viewport().size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    canvas.render(painter, QRectF(image.rect()), canvas.viewport().rect())
    painter.end()
    return image


def test_every_distance_paints_something(hand):
    for scale in (0.1, 0.3, 0.5, 0.7, 1.0, 2.5):
        hand.canvas.zoom_to(scale)
        hand.canvas.centerOn(700, 250)
        image = painted(hand.canvas)
        colours = {image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)}
        assert len(colours) > 3, scale


def test_far_and_near_are_switched_by_scale(hand):
    board = hand.canvas.board
    hand.canvas.zoom_to(0.1)
    assert board.is_far
    hand.canvas.zoom_to(1.0)
    assert not board.is_far


def test_empty_paper_says_what_to_do(hand):
    assert not hand.canvas.empty.isVisible()
    hand.session.take(Document(id="blank"), "x", "")
    assert hand.canvas.empty.isVisible()
    assert "Double-click" in hand.canvas.empty.text()


def test_the_overview_takes_the_view_where_it_is_clicked(hand):
    hand.canvas.zoom_to(2.0)
    before = hand.canvas.seen().center()
    QTest.mouseClick(hand.canvas.minimap, Qt.MouseButton.LeftButton, pos=QPoint(12, 12))
    assert (hand.canvas.seen().center() - before).manhattanLength() > 50


def test_running_nodes_are_marked(hand):
    hand.canvas.set_running(["vit"])
    assert [name for name, item in hand.canvas.board.nodes.items() if item.running] == ["vit"]
    hand.canvas.set_running([])
    assert not any(item.running for item in hand.canvas.board.nodes.values())


def test_another_look_is_painted_anew(hand):
    look.changed.emit()
    hand.canvas.grab()
    hand.agrees()


def test_the_outline_shares_the_selection_and_follows_edits(hand, qtbot):
    outline = Outline()
    qtbot.addWidget(outline)
    outline.bind(hand.canvas)
    outline.set_vocabulary(sample.vocabulary())
    outline.set_document(hand.session.now)
    outline.set_analysis(sample.analysis())
    hand.canvas.documentEdited.connect(lambda *_: outline.set_document(hand.session.now))
    hand.canvas.select(["vit", "pool"])
    assert outline.selection() == ["vit", "pool"]
    row = outline._rows["vit"]
    assert row.data(0, Qt.ItemDataRole.AccessibleTextRole).startswith("ViT")
    assert [row.child(i).text(0) for i in range(row.childCount())] == [
        "image ← Augment · image",
        "tokens → Token mixer · tokens",
    ]
    outline.tree.clearSelection()
    outline._rows["words"].setSelected(True)
    assert hand.canvas.selection() == ["words"]
    QTest.keyClick(outline.tree, Qt.Key.Key_Delete)
    assert "words" not in outline._rows
    assert outline._rows["pool_2"].child(0).text(0) == "tokens ← not connected"


def test_the_vocabulary_round_trips_with_its_options():
    words = sample.vocabulary()
    again = Vocabulary.from_json(words.as_json())
    assert dict(again) == dict(words)
    assert again.options == words.options


def test_hit_tests_at_ports_win_over_nodes(hand):
    at = hand.port("vit.tokens", True)
    assert hand.canvas.port_near(at, 11)[0] == End(node="vit", port="tokens")
    assert hand.canvas.port_near(at + QPointF(60, 60), 11) is None
