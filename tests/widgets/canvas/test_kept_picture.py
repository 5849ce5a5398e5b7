"""The canvas shows pieces that it painted before: none may be out of date, at rest pixel for pixel as painted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from core.graph import edits
from core.graph.document import Document
from core.problems import Problem
from studio.benches.canvas_frames import drawing, facts
from tests.widgets import sample
from tests.widgets.canvas.conftest import Hand
from widgets.canvas import view as view_module
from widgets.canvas.items.node import NodeItem
from widgets.canvas.tiles import HIGH, WIDE, Level, Mosaic
from widgets.canvas.view import CanvasView
from widgets.look.language import use_language
from widgets.look.theme import apply_theme, look

SCALES = (0.12, 0.47, 0.55, 1.37)
SHARPNESS = (1.0, 1.5, 2.0)


def shown(canvas: CanvasView, sharpness: float = 1.0) -> QImage:
    """What a screen of so many device pixels a pixel shows of it."""
    size = canvas.size() * sharpness
    picture = QPixmap(size)
    picture.setDevicePixelRatio(sharpness)
    QWidget.render(canvas, picture, QPoint())
    return picture.toImage().convertToFormat(QImage.Format.Format_RGB32)


def anew(canvas: CanvasView, sharpness: float = 1.0) -> QImage:
    """The same, with nothing kept from before."""
    canvas.tiles.forget()
    NodeItem.pictures.clear()
    canvas.board.set_scale(canvas.scale_now)
    canvas.board.forget_places()
    canvas.minimap.refresh()
    return shown(canvas, sharpness)


def differing(a: QImage, b: QImage) -> int:
    """How many pixels differ."""
    assert a.size() == b.size()
    if a == b:
        return 0
    return sum(a.pixel(x, y) != b.pixel(x, y) for x in range(a.width()) for y in range(a.height()))


@pytest.fixture(scope="module")
def sketch() -> tuple:
    return drawing(120, 200)


@pytest.fixture
def large(qtbot, sketch) -> CanvasView:
    """More nodes than are painted whole while the view zooms."""
    document, vocabulary = sketch
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.resize(900, 560)
    canvas.set_reduced_motion(True)
    canvas.set_vocabulary(vocabulary)
    canvas.set_document(document)
    canvas.set_analysis(facts(document))
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.zoom_to(0.8)
    canvas.centerOn(900, 400)
    rest(canvas)
    return canvas


def look_from(canvas: CanvasView, scale: float) -> None:
    """From so far, at rest."""
    canvas.zoom_to(scale)
    rest(canvas)


def rest(canvas: CanvasView) -> None:
    """Until the picture is sharp again."""
    canvas.come_to_rest()
    for _ in range(60):
        shown(canvas)
        if canvas.is_sharp:
            return
    raise AssertionError("the picture does not become sharp")


# -- at rest ----------------------------------------------------------------------------------------------------------


def running(hand: Hand) -> None:
    hand.canvas.set_running(["vit", "pool"])


def no_more_running(hand: Hand) -> None:
    hand.canvas.set_running(["vit"])
    shown(hand.canvas)
    hand.canvas.set_running([])


def selection(hand: Hand) -> None:
    hand.canvas.select(["vit", "mixer"], wires=hand.wire_keys()[:2], frames=list(hand.canvas.board.frames))


def another_selection(hand: Hand) -> None:
    selection(hand)
    shown(hand.canvas)
    hand.canvas.select(["words"])


def hover(hand: Hand) -> None:
    hand.move(hand.head("mixer"))


def hover_over_a_port(hand: Hand) -> None:
    hand.move(hand.port("pool.embed", gives=True))


def hover_and_away(hand: Hand) -> None:
    hand.move(hand.port("pool.embed", gives=True))
    shown(hand.canvas)
    hand.move(hand.free())


def drag(hand: Hand) -> None:
    hand.drag(hand.head("vit"), hand.head("vit") + QPointF(90, 130))


def drag_under_way(hand: Hand) -> None:
    hand.press(hand.head("vit"))
    for step in range(5):
        hand.move(hand.head("vit") + QPointF(14, 9 * step))
        shown(hand.canvas)


def drag_abandoned(hand: Hand) -> None:
    drag_under_way(hand)
    hand.canvas.abandon()


def wire_under_way(hand: Hand) -> None:
    start = hand.port("vit.tokens", gives=True)
    hand.press(start)
    hand.move(start + QPointF(30, 30))
    shown(hand.canvas)
    hand.move(start + QPointF(120, 160))


def wire_abandoned(hand: Hand) -> None:
    wire_under_way(hand)
    shown(hand.canvas)
    hand.canvas.abandon()


def links_under_way(hand: Hand) -> None:
    start = hand.port("mixer.tokens", gives=True)
    hand.press(start, Qt.KeyboardModifier.ControlModifier)
    hand.move(start + QPointF(30, 60))


def links_abandoned(hand: Hand) -> None:
    links_under_way(hand)
    shown(hand.canvas)
    hand.canvas.abandon()


def wire_taken_off(hand: Hand) -> None:
    hand.drag(hand.port("pool.tokens", gives=False), hand.free())


def box_under_way(hand: Hand) -> None:
    hand.press(QPointF(440, 40))
    hand.move(QPointF(500, 80))
    shown(hand.canvas)
    hand.move(QPointF(800, 420))


def box_over(hand: Hand) -> None:
    box_under_way(hand)
    shown(hand.canvas)
    hand.release(QPointF(800, 420))


def muted(hand: Hand) -> None:
    hand.canvas.propose(edits.change_node(hand.session.now, "vit", muted=True), "Mute")


def bypassed(hand: Hand) -> None:
    hand.canvas.propose(edits.change_node(hand.session.now, "mixer", bypassed=True), "Bypass")


def removed(hand: Hand) -> None:
    hand.canvas.propose(edits.remove_nodes(hand.session.now, ["mixer"], hand.canvas.vocabulary), "Delete")


def undone(hand: Hand) -> None:
    removed(hand)
    shown(hand.canvas)
    hand.session.undo()


def added(hand: Hand) -> None:
    hand.canvas.propose(edits.add_node(hand.session.now, "encoders.vit", 600, 480)[0], "Add")


def problem(hand: Hand) -> None:
    what = Problem(what="Too wide.", node="vit", severity="error")
    hand.canvas.set_analysis(replace(sample.analysis(), problems=(what,)))


def no_analysis(hand: Hand) -> None:
    hand.canvas.set_analysis(None)


def arranged(hand: Hand) -> None:
    hand.canvas.tidy()


def frame_moved(hand: Hand) -> None:
    frame = next(iter(hand.canvas.board.frames.values()))
    start = frame.box.topLeft() + QPointF(60, 12)
    hand.drag(start, start + QPointF(40, 70))


def frame_under_way(hand: Hand) -> None:
    frame = next(iter(hand.canvas.board.frames.values()))
    start = frame.box.topLeft() + QPointF(60, 12)
    hand.press(start)
    hand.move(start + QPointF(10, 10))
    shown(hand.canvas)
    hand.move(start + QPointF(40, 60))


def pulsing(hand: Hand) -> None:
    item = hand.canvas.board.nodes["pool_2"]
    for item.pulse in (1.0, 0.6, 0.2):
        item.update()
        shown(hand.canvas)


def another_document(hand: Hand) -> None:
    hand.canvas.set_document(Document(id="other", nodes={"vit": hand.session.now.nodes["vit"]}))


def scrolled(hand: Hand) -> None:
    for step in range(9):
        hand.canvas.pan(QPointF(37 * step - 100, 61 - 17 * step))
        shown(hand.canvas)


def resized(hand: Hand) -> None:
    hand.canvas.resize(1100, 900)


CHANGES = (
    running, no_more_running, selection, another_selection, hover, hover_over_a_port, hover_and_away, drag, drag_under_way,
    drag_abandoned, wire_under_way, wire_abandoned, links_under_way, links_abandoned, wire_taken_off, box_under_way, box_over, muted, bypassed, removed,
    undone, added, problem, no_analysis, arranged, frame_moved, frame_under_way, pulsing, another_document, scrolled,
    resized,
)  # fmt: skip
LEAVE_NO_TRACE = (
    hover, hover_over_a_port, hover_and_away, no_more_running, drag_abandoned, wire_abandoned, links_abandoned, undone,
)  # fmt: skip
UNDER_WAY = (drag_under_way, box_under_way, frame_under_way)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_after_every_change_the_picture_is_as_painted_anew(hand, change: Callable[[Hand], None], scale: float):
    """Two scales besides are kept when the change happens: their pieces must not come back as they were."""
    canvas = hand.canvas
    for other in (0.52, 1.0, scale):
        canvas.zoom_to(other)
        canvas.centerOn(720, 300)
        before = shown(canvas)
    assert before == shown(canvas)
    canvas.minimap.setVisible(change not in UNDER_WAY)  # it follows when the gesture is over
    change(hand)
    after = shown(canvas)
    if change not in LEAVE_NO_TRACE:
        assert after != before or scale == 0.3
    assert differing(after, anew(canvas)) == 0
    canvas.zoom_to(0.52)
    canvas.centerOn(720, 300)
    assert differing(shown(canvas), anew(canvas)) == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_the_screen_shows_every_change(hand, change: Callable[[Hand], None], scale: float):
    """Of the window only what was said to be soiled is painted again: the whole of it must be as it should."""
    canvas = hand.canvas
    canvas.zoom_to(scale)
    canvas.centerOn(720, 300)
    on_screen(canvas)
    change(hand)
    screen = on_screen(canvas)  # without a screen, Qt gives the upper left part where a pixel is several
    assert differing(screen, shown(canvas, canvas.devicePixelRatioF()).copy(screen.rect())) == 0


def on_screen(canvas: CanvasView) -> QImage:
    """What the window holds after it was told to paint."""
    for _ in range(3):
        QApplication.processEvents()
        QApplication.sendEvent(canvas, QEvent(QEvent.Type.UpdateRequest))
    return canvas.screen().grabWindow(canvas.winId()).toImage().convertToFormat(QImage.Format.Format_RGB32)


@pytest.mark.parametrize("sharpness", SHARPNESS)
@pytest.mark.parametrize("scale", SCALES)
def test_a_scrolled_picture_is_as_painted_anew(large, scale, sharpness):
    look_from(large, scale)
    for step in range(6):
        large.pan(QPointF(41 - 13 * step, 29 * step - 50))
        moved = shown(large, sharpness)
        assert differing(moved, anew(large, sharpness)) == 0


@pytest.mark.parametrize("sharpness", SHARPNESS)
@pytest.mark.parametrize("scale", SCALES)
def test_changed_parts_are_as_painted_anew(large, scale, sharpness):
    """A part painted into a kept piece has the same pixels as the piece painted whole."""
    look_from(large, scale)
    shown(large, sharpness)
    names = list(large.board.nodes)
    for name in names[::17]:
        x, y = large.document.nodes[name].x, large.document.nodes[name].y
        large.board.preview({name: (x + 33.3, y + 12.7)})
        large.set_running(names[:9])
        changed = shown(large, sharpness)
        assert differing(changed, anew(large, sharpness)) == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["hand", "large"])
def test_another_theme_leaves_nothing_of_the_old(request, theme, size):
    canvas = request.getfixturevalue(size)
    canvas = canvas if isinstance(canvas, CanvasView) else canvas.canvas
    application = QApplication.instance()
    apply_theme(application, "dark" if theme == "light" else "light")
    try:
        before = [_looked(canvas, scale) for scale in (0.3, 1.0)]
        apply_theme(application, theme)
        for scale, old in zip((0.3, 1.0), before):
            assert _looked(canvas, scale) != old
            assert differing(shown(canvas), anew(canvas)) == 0
    finally:
        apply_theme(application, "dark")


def _looked(canvas: CanvasView, scale: float) -> QImage:
    look_from(canvas, scale)
    return shown(canvas)


def test_another_language_leaves_nothing_of_the_old(hand):
    canvas = hand.canvas
    english = shown(canvas)
    use_language("zh_CN")
    look.changed.emit()
    try:
        chinese = shown(canvas)
        assert chinese != english
        assert differing(chinese, anew(canvas)) == 0
    finally:
        use_language("en")
        look.changed.emit()
    assert differing(shown(canvas), anew(canvas)) == 0


def test_what_is_far_away_is_painted_when_it_comes_into_view(large):
    name = next(iter(large.board.nodes))
    large.minimap.hide()
    large.board.preview({name: (9000.0, 7000.0)})
    large.centerOn(9050, 7050)
    there = shown(large)
    assert differing(there, anew(large)) == 0
    large.board.settle()
    assert differing(shown(large), anew(large)) == 0
    assert shown(large) != there


def test_a_change_shows_only_its_own_rectangle_again(large, qtbot):
    look_from(large, 1.0)
    shown(large)
    QApplication.processEvents()
    parts: list[QRectF] = []
    large.board.on_soil = parts.append
    name = large.board.node_at(large.seen().center()) or next(iter(large.board.nodes))
    large.select([name])
    assert parts
    assert all(part.width() <= large.board.nodes[name].boundingRect().width() for part in parts)


# -- in motion --------------------------------------------------------------------------------------------------------


def roll(canvas: CanvasView, scales: tuple[float, ...]) -> None:
    for scale in scales:
        canvas.zoom_to(scale, QPointF(430, 280), rolling=True)
        shown(canvas)


WAYS = {"in": (0.85, 0.95, 1.1, 1.3, 1.6), "out": (0.7, 0.5, 0.35, 0.22), "through": (0.5, 0.2, 0.11, 0.3, 0.9)}


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_that_rests_is_as_painted_anew(large, way):
    shown(large)
    roll(large, WAYS[way])
    assert large.is_zooming
    rest(large)
    assert differing(shown(large), anew(large)) == 0


def test_a_resting_picture_becomes_sharp_by_itself(large, qtbot):
    shown(large)
    roll(large, WAYS["in"])
    qtbot.waitUntil(lambda: large.is_sharp, timeout=2000)
    assert not large.is_zooming


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scale", [0.13, 0.3, 0.8])
def test_changes_amid_the_motion_are_shown_at_once(large, way, scale):
    """Everything is marked as running, or moved away, while old pieces are stretched: none of them is shown as it was."""
    look_from(large, scale)
    shown(large)
    roll(large, WAYS[way])
    names = list(large.board.nodes)
    before = shown(large)
    assert before == shown(large)
    large.set_running(names)
    assert large.is_zooming
    amid = shown(large)
    assert amid != before
    large.set_running([])
    assert shown(large) == before or differing(shown(large), before) < before.width() * before.height() * 0.2
    rest(large)
    assert differing(shown(large), anew(large)) == 0


def test_a_node_deleted_amid_the_motion_is_gone_at_once(large):
    look_from(large, 1.0)
    shown(large)
    large.zoom_to(0.9, QPointF(430, 280), rolling=True)
    name = large.board.inside(large.seen())[0]
    box = large.mapFromScene(large.board.nodes[name].box).boundingRect().adjusted(30, 8, -30, -8)
    centre = box.center()
    with_it = shown(large).copy(box)
    large.set_document(edits.remove_nodes(large.document, [name], large.vocabulary))
    assert large.is_zooming
    assert large.board.node_at(large.mapToScene(centre)) == ""
    assert shown(large).copy(box) != with_it


def test_stretched_pieces_meet_and_lie_where_their_scale_says():
    """Neighbours share their edges, and no edge is a pixel beside its place: a wire goes on across them to its port."""
    for ratio in (0.21, 0.5, 0.83, 1.37):
        mosaic = Mosaic(QRect(0, 0, 900, 600), ratio)
        for level in (Level(0.47, 1.0), Level(0.235, 2.0), Level(1.0, 1.5)):
            for key in ((0, 0), (-2, 3), (5, -1)):
                here, right, below = (
                    mosaic.target(level, (key[0] + x, key[1] + y)) for x, y in ((0, 0), (1, 0), (0, 1))
                )
                assert here.left() + here.width() == right.left()
                assert here.top() + here.height() == below.top()
                assert abs(here.left() / ratio - key[0] * WIDE / level.ratio) <= 0.5 / ratio + 1e-9
                assert abs(here.top() / ratio - key[1] * HIGH / level.ratio) <= 0.5 / ratio + 1e-9


def test_memory_is_bounded(large, monkeypatch):
    for step in range(40):
        look_from(large, 0.3 + step * 0.03)
        shown(large)
    assert large.tiles.count <= 128 + 40


def test_a_small_drawing_is_sharp_while_it_zooms(hand):
    hand.canvas.zoom_to(0.83, QPointF(300, 200), rolling=True)
    assert not hand.canvas.is_zooming
    assert differing(shown(hand.canvas), anew(hand.canvas)) == 0


def test_frames_of_the_motion_keep_to_their_budget(large, monkeypatch):
    """With no time at all, one piece a frame is painted, and the picture is whole nevertheless."""
    monkeypatch.setattr(view_module, "BUDGET_ZOOMING", 0.0)
    look_from(large, 0.3)
    large.zoom_to(1.3, QPointF(430, 280), rolling=True)
    painted: list[object] = []
    plain = large.tiles._fresh
    monkeypatch.setattr(
        large.tiles, "_fresh", lambda level, key: painted.append(key not in level.tiles) or plain(level, key)
    )
    shown(large)
    assert sum(map(bool, painted)) <= 1
