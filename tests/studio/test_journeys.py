"""Journeys through the whole window, as a person makes them: with the mouse and the keyboard, from start to end."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt

from core.graph.document import Document
from tests.studio.journey import CTRL, SHIFT, Person
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot

KEYS = Qt.Key


def draw_clip(person: Person) -> None:
    """A small CLIP from an empty canvas: half of the blocks by Tab and typing, half from the palette."""
    person.window.canvas.zoom_to(0.5)
    person.window.canvas.centerOn(900, 400)
    by_keys = [
        ("emoji", 100, 300, "emoji"), ("tokenizer", 500, 700, "tokenizer"), ("text transformer", 900, 700, "text_transformer"),
        ("pool", 1300, 150, "pool"), ("projection", 1600, 150, "projection"),
    ]  # fmt: skip
    for words, x, y, wanted in by_keys:
        assert person.add_by_keys(words, QPointF(x, y)) == wanted
    by_drag = [
        ("encoders.vit", 900, 150, "vit"), ("connectors.pool", 1300, 700, "pool_2"),
        ("connectors.projection", 1600, 700, "projection_2"), ("objectives.info_nce", 1850, 420, "info_nce"),
    ]  # fmt: skip
    for block, x, y, wanted in by_drag:
        assert person.add_by_drag(block, QPointF(x, y)) == wanted
    for source, target in (
        ("emoji.image", "vit.image"), ("vit.tokens", "pool.tokens"), ("pool.embedding", "projection.embedding"),
        ("projection.embedding", "info_nce.left"), ("emoji.sentence", "tokenizer.sentence"),
        ("tokenizer.text", "text_transformer.text"), ("text_transformer.tokens", "pool_2.tokens"),
        ("pool_2.embedding", "projection_2.embedding"), ("projection_2.embedding", "info_nce.right"),
    ):  # fmt: skip
        person.wire(source, target)


def make_small(person: Person) -> None:
    """Knobs that make it train in seconds."""
    person.turn("emoji", image_size=16)
    person.turn("tokenizer", vocabulary=300, length=8)
    person.turn("vit", patch_size=4, width=24, depth=1, heads=2)
    person.turn("text_transformer", width=16, depth=1, heads=2)
    person.turn("projection", width=16)
    person.turn("projection_2", width=16)
    person.set_recipe(steps=8, batch_size=16)


def test_draw_from_an_empty_canvas_train_watch_undo_everything_redo_everything(sit_down):
    person = sit_down(Document())
    person.window.show_page("design")
    person.choose("new_document")
    empty = person.session.document
    draw_clip(person)
    make_small(person)
    assert person.problems() == []
    drawn = person.session.document
    person.click(person.button("Run", person.window.top))
    person.wait(lambda: person.session.watched)
    uid = person.session.watched
    person.wait(lambda: person.ended(uid))
    facts = person.session.facts(uid)
    assert (facts.status, facts.step) == ("finished", 8)
    assert len(person.losses(uid)) == 8
    person.wait_quiet()
    person.wait(lambda: person.window.pump.head.step == 8)
    loss = person.window.wall.monitors["loss"]
    person.wait(lambda: shows_points(loss))
    canvas = person.window.canvas
    canvas.setFocus()
    edits_taken_back = 0
    while person.session.history.undo_name:
        person.press(KEYS.Key_Z, CTRL, on=canvas)
        edits_taken_back += 1
        assert edits_taken_back < 200
    assert person.session.document == empty
    assert not canvas.board.nodes
    while person.session.history.redo_name:
        person.press(KEYS.Key_Z, CTRL | SHIFT, on=canvas)
    assert person.session.document == drawn
    assert set(canvas.board.nodes) == set(drawn.nodes)


def shows_points(monitor: Monitor) -> bool:
    """Whether a monitor draws at least one curve with points."""
    drawn = [item.getData()[0] for plot in monitor.findChildren(Plot) for item in plot.listDataItems()]
    return any(xs is not None and len(xs) > 1 for xs in drawn)
