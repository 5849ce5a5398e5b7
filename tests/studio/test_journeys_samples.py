"""Blocks that show what flows out of them: switched on by a command, each its own, kept, faded while stale, never in the way."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest

from core.graph import edits
from core.graph.document import Document, End
from core.inference.inside import Insides
from tests.documents import tiny_clip
from tests.studio.journey import LEFT, NO


def shown(person) -> dict:
    return person.window.canvas.glimpses()


def filled(person) -> bool:
    """Every block that gives something shows it."""
    canvas = person.window.canvas
    return (
        bool(shown(person))
        and not person.window.glimpsing._waiting
        and set(canvas.nodes_in_sight()) >= set(shown(person))
    )


def tidied(document: Document) -> Document:
    """A place for every block where it can be read."""
    places = {key: (240.0 * (number % 5), 160.0 * (number // 5)) for number, key in enumerate(document.nodes)}
    return edits.move(document, places)


def test_blocks_show_their_sample_on_command_and_hide_it_again(sit_down):
    person = sit_down(tidied(tiny_clip()))
    canvas = person.window.canvas
    heights = {name: item.shape_now.height for name, item in canvas.board.nodes.items()}
    spots = {name: item.shape_now.spots for name, item in canvas.board.nodes.items()}
    person.choose("samples")
    assert all(item.shape_now.height > heights[name] for name, item in canvas.board.nodes.items())
    assert {name: item.shape_now.spots for name, item in canvas.board.nodes.items()} == spots  # no wire moves
    person.wait(lambda: filled(person))
    found = shown(person)
    assert found["emoji"].images[0].width() == 16
    assert found["emoji"].words
    assert found["tokenizer"].words
    assert len(found["vit"].images) >= 1
    assert float(found["info_nce"].words) > 0
    assert person.window.menus.entry("samples").text() == "Hide samples in the blocks"
    person.choose("samples")
    assert not shown(person)
    assert {name: item.shape_now.height for name, item in canvas.board.nodes.items()} == heights


def test_only_what_lies_behind_a_change_is_computed_again_and_what_is_computed_is_not_shown_as_new(
    sit_down, monkeypatch
):
    person = sit_down(tidied(tiny_clip()))
    asked: list[str] = []
    look = Insides.glimpse
    monkeypatch.setattr(Insides, "glimpse", lambda self, document, wish, *rest, **more: (asked.append(wish.node), look(self, document, wish, *rest, **more))[1])  # fmt: skip
    person.choose("samples")
    person.wait(lambda: filled(person))
    before, everyone = shown(person), set(asked)
    assert everyone == set(person.session.document.nodes)
    asked.clear()
    person.session.edit(edits.set_knob(person.session.document, "vit", "width", 32), "Width")
    person.wait(lambda: "info_nce" in asked and filled(person))
    assert set(asked) == {"vit", "pool", "projection", "info_nce"}
    after = shown(person)
    assert after["text_transformer"] is before["text_transformer"]
    assert after["vit"] is not before["vit"]
    asked.clear()
    person.session.undo()
    person.wait(lambda: shown(person)["vit"] is before["vit"])
    assert asked == []  # known
    person.session.edit(edits.disconnect(person.session.document, [person.session.document.wire_at(End(node="vit", port="image")).key]), "Cut")  # fmt: skip
    person.wait(lambda: "vit" not in shown(person))  # nothing flows there


def test_a_block_is_dragged_while_samples_are_computed(sit_down, monkeypatch):
    import threading

    gate, look = threading.Event(), Insides.glimpse

    def slow(self, *rest, **more):
        gate.wait(60)
        return look(self, *rest, **more)

    monkeypatch.setattr(Insides, "glimpse", slow)
    person = sit_down(tidied(tiny_clip()))
    canvas = person.window.canvas
    person.choose("samples")
    person.wait(lambda: person.window.glimpsing._waiting)
    item = canvas.board.nodes["vit"]
    start = canvas.mapFromScene(item.box.topLeft().x() + 60, item.box.topLeft().y() + 12)
    was = person.session.document.nodes["vit"].x
    QTest.mousePress(canvas.viewport(), LEFT, NO, start)
    for step in range(1, 9):
        QTest.mouseMove(canvas.viewport(), start + QPoint(6 * step, 4 * step))
    QTest.mouseRelease(canvas.viewport(), LEFT, NO, start + QPoint(48, 32))
    assert person.session.document.nodes["vit"].x != was  # it was dropped though nothing was answered yet
    gate.set()
    person.wait(lambda: filled(person))
    assert "vit" in shown(person)


@pytest.mark.parametrize("key", [Qt.Key.Key_S])
def test_its_keys_switch_it_and_far_away_nothing_is_asked(sit_down, key):
    person = sit_down(tidied(tiny_clip()))
    canvas = person.window.canvas
    canvas.setFocus()
    for _ in range(14):
        canvas.zoom_out()
    QTest.keyClick(canvas, key, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    assert person.session.preferences.samples
    assert canvas.nodes_in_sight() == []
    assert not shown(person)
    canvas.fit_all()
    person.wait(lambda: shown(person))


def test_the_wheel_zooms_or_moves_the_view_as_a_person_chose(sit_down):
    person = sit_down(tidied(tiny_clip()))
    canvas = person.window.canvas

    def turn() -> tuple[float, QPointF]:
        place = QPointF(canvas.viewport().rect().center())
        turned = QWheelEvent(place, canvas.mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NO, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
        before = canvas.scale_now, canvas.mapToScene(QPoint(0, 0))
        canvas.wheelEvent(turned)
        return canvas.scale_now - before[0], canvas.mapToScene(QPoint(0, 0)) - before[1]

    assert turn()[0] > 0
    person.choose("wheel")
    zoomed, moved = turn()
    assert zoomed == 0
    assert moved.y() < 0
    assert person.window.menus.entry("wheel").text() == "The wheel zooms"
    person.choose("wheel")
    assert turn()[0] > 0


def test_who_is_too_far_away_to_see_samples_is_told(sit_down):
    person = sit_down(tidied(tiny_clip()))
    person.window.canvas.zoom_to(0.5)
    person.choose("samples")
    assert not shown(person)
    assert "Zoom in: blocks show their samples from where their text can be read." in person.said
