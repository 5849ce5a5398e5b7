"""Wires end at their ports: in every picture after a jump of the view, and through every glide."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage

from core.graph import edits

JUMPS = (1.0, 0.5, 0.85, 0.45, 1.7, 0.3)


def image(hand) -> QImage:
    return hand.canvas.viewport().grab().toImage()


@pytest.mark.parametrize("scale", JUMPS)
def test_the_first_picture_after_a_jump_is_the_right_one(hand, scale):
    """A kept picture of another size was once drawn as if it had this size: nodes shrank away from their wires."""
    hand.canvas.zoom_to(0.7)
    image(hand)
    hand.canvas.zoom_to(scale)
    assert image(hand) == image(hand)


def test_home_after_tidy_leaves_no_node_beside_its_wires(hand):
    hand.canvas.zoom_to(1.4)
    image(hand)
    hand.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    hand.key(Qt.Key.Key_Home)
    assert image(hand) == image(hand)


def off_their_ports(hand) -> dict[str, float]:
    board, found = hand.canvas.board, {}
    for key, item in board.wires.items():
        source, target = item.wire.source, item.wire.target
        ends = (
            (board.nodes[source.node].spot_at(source.port, True), item.pieces[0][0]),
            (board.nodes[target.node].spot_at(target.port, False), item.pieces[-1][3]),
        )
        off = max((item.pos() + QPointF(*end) - port).manhattanLength() for port, end in ends)
        if off > 0.01:
            found[key] = off
    return found


@pytest.mark.parametrize("what", ["let it arrive", "fit at once", "fit half way", "edit half way", "restyle half way"])
def test_wires_are_at_their_ports_through_a_glide(hand, what):
    canvas, rolls = hand.canvas, random.Random(what)
    canvas.set_reduced_motion(False)
    places = {name: (rolls.uniform(-300, 1500), rolls.uniform(-200, 700)) for name in canvas.document.nodes}
    canvas.propose(edits.move(canvas.document, places), "scatter", glide=True)
    glide = canvas._glide
    assert glide is not None
    for part in (0.0, 0.3, 0.5):
        if what != "fit at once":
            glide.setCurrentTime(round(glide.duration() * part))
            assert off_their_ports(hand) == {}
    if what.startswith("fit"):
        hand.key(Qt.Key.Key_Home)
        assert canvas.seen().contains(canvas.board.content())  # of where everything goes, not of where it is half way
    elif what == "edit half way":
        name = next(iter(canvas.document.nodes))
        canvas.propose(edits.move(canvas.document, {name: (50.0, 60.0)}), "move", glide=True)
    elif what == "restyle half way":
        canvas.restyle()
    else:
        glide.setCurrentTime(glide.duration())
    assert off_their_ports(hand) == {}
    canvas.arrive()
    assert off_their_ports(hand) == {}
    for name, node in canvas.document.nodes.items():
        assert (canvas.board.nodes[name].x(), canvas.board.nodes[name].y()) == pytest.approx((node.x, node.y))
