"""From some distance a block's title is all that can be read: it uses the block's room and stays legible."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFontMetricsF

from core.graph.document import Frame
from widgets.canvas import ink
from widgets.canvas.items.frame import FrameItem
from widgets.canvas.items.node import NAMES_FROM

SCALES = (0.23, 0.3, 0.36, 0.41, 0.47, 0.55)


@pytest.mark.parametrize("scale", SCALES)
def test_titles_are_nine_pixels_high_and_inside_their_box(hand, scale):
    assert scale < NAMES_FROM
    hand.canvas.zoom_to(scale)
    for name, item in hand.canvas.board.nodes.items():
        role, lines = item.title_alone()
        pixels = ink.SIZES[role] * hand.canvas.scale_now
        assert ink.LEAST_PIXELS - 0.2 <= pixels <= ink.MOST_PIXELS * ink.ZOOM_STEP + 0.1, name
        metrics = QFontMetricsF(ink.font(role))
        for place, text in lines:
            assert text
            assert place.x() + metrics.horizontalAdvance(text) <= item.box.width(), name
            assert -metrics.height() * 0.3 <= place.y(), name
            assert place.y() + metrics.height() <= item.box.height() + metrics.height() * 0.3, name


def test_a_title_that_has_room_is_whole_and_one_that_has_not_is_cut():
    role, lines = ink.filling("Query image", 176, 70, 0.41)
    assert " ".join(lines) == "Query image"
    assert len(lines) == 2
    wide = ink.filling("Query image", 900, 70, 0.41)
    assert wide[1] == ("Query image",)
    assert ink.SIZES[wide[0]] >= ink.SIZES[role]
    cut = ink.filling("Incomprehensibilities of internationalisation", 90, 40, 0.41)[1]
    assert cut[-1].endswith("…")


def test_chinese_is_broken_between_any_two_characters():
    lines = ink.filling("模态缺失时的回答图片", 130, 80, 0.41)[1]
    assert len(lines) > 1
    assert "".join(lines) == "模态缺失时的回答图片"


def test_near_and_far_show_different_things(hand):
    item = hand.canvas.board.nodes["vit"]
    hand.canvas.zoom_to(NAMES_FROM + 0.02)
    near = item._state()
    hand.canvas.zoom_to(NAMES_FROM - 0.02)
    assert item._state() != near


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale >= 0.41])
def test_a_frames_title_can_be_read_from_afar(scale):
    frame = FrameItem(Frame(id="frame", title="image tower", x=0, y=0, width=700, height=200))
    frame.scale_now = scale
    assert ink.SIZES[frame.title_role] * scale >= ink.LEAST_PIXELS
    frame.scale_now = 1.0
    assert frame.title_role == "port"


def test_the_title_over_the_ports_can_be_read_too(hand):
    for scale in (NAMES_FROM, 0.7, 1.0):
        hand.canvas.zoom_to(scale)
        for item in hand.canvas.board.nodes.values():
            role, title = item._header_title()
            assert ink.SIZES[role] * hand.canvas.scale_now >= ink.LEAST_PIXELS - 0.01
            assert title
