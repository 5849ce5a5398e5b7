"""The tour stands beside real things within the window, is left by Esc and gone on with, in both languages and small windows."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.open.documents import find_document
from widgets.tour import beside


@pytest.mark.parametrize(
    "target", [QRect(0, 0, 900, 600), QRect(700, 0, 200, 600), QRect(0, 560, 900, 40), QRect(0, 0, 40, 40)]
)
def test_a_card_lies_within_the_room_and_not_over_what_it_shows(target: QRect) -> None:
    room = QRect(12, 12, 876, 576)
    corner = beside(target, 320, 160, room)
    card = QRect(corner.x(), corner.y(), 320, 160)
    assert room.contains(card)
    assert not card.intersects(target) or target.width() * target.height() > 300_000


@pytest.mark.long
@pytest.mark.parametrize(
    ("language", "size"), [("en", (1024, 700)), ("zh_CN", (683, 467))]
)  # the second: 1024 by 700 at 150 %
def test_the_tour_shows_what_there_is_is_left_and_gone_on_with(
    sit_down: Any, language: str, size: tuple[int, int]
) -> None:
    person = sit_down(find_document("mini_clip"))
    person.window.use_language(language)
    window = person.window
    window.resize(*size)
    window.offer_tour()
    assert window.messages.sentence
    window.messages.clear()
    window.offer_tour()
    assert not window.messages.sentence  # asked once
    tour = window.tour
    person.choose("tour")
    for number in range(len(tour.stops)):
        QApplication.processEvents()
        tour.place()
        assert tour.at == number
        assert window.rect().contains(tour.geometry()), tour.geometry()
        assert tour.next_button.hasFocus()
        shown = tour.stops[number].found()
        assert shown is not None
        if window.width() > 760:
            assert shown.isVisible()
            assert tour.ring.isVisible()
        if number == 3:
            QTest.keyClick(tour, Qt.Key.Key_Escape)
            assert tour.isHidden()
            assert tour.ring.isHidden()
            assert person.session.preferences.tour == 3
            person.choose("tour")
            assert tour.at == 3
            QTest.keyClick(tour, Qt.Key.Key_Left)
            QTest.keyClick(tour, Qt.Key.Key_Right)
        tour.next_button.click()
    assert tour.isHidden()
    assert person.session.preferences.tour == len(tour.stops)
    person.choose("tour")
    assert tour.at == 0
    tour.leave()
    window.use_language("en")
