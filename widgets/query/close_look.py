"""The picked answer, close up: its picture with the attention over it and its words lit by weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.pictures import draw_picture, fitted, heat_colour, heat_of, image_of, readable
from widgets.look.theme import look, theme


class HeatPicture(QWidget):
    """A picture, with heat over it where it is switched on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._heat: QImage | None = None
        self._is_lit = True
        self.setMinimumSize(100, 100)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        look.changed.connect(self.update)

    def set_picture(self, pixels: NDArray[np.uint8] | None, heat: NDArray[np.float32] | None) -> None:
        """What to show; None leaves it empty."""
        self.set_image(image_of(pixels) if pixels is not None and pixels.size else None, heat)

    def set_image(self, image: QImage | None, heat: NDArray[np.float32] | None) -> None:
        """The same of what was drawn."""
        self._image = image
        self._heat = heat_of(heat) if heat is not None and heat.size else None
        self.update()

    def set_lit(self, lit: bool) -> None:
        """Show or hide the heat."""
        self._is_lit = lit
        self.update()

    def has_image(self) -> bool:
        """Whether there is anything to see."""
        return self._image is not None

    def has_heat(self) -> bool:
        """Whether there is attention to show."""
        return self._heat is not None

    def sizeHint(self) -> QSize:
        return QSize(260, 260)

    def heightForWidth(self, width: int) -> int:
        return min(width, 480)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None:
            return
        painter = QPainter(self)
        place = fitted(self._image.width(), self._image.height(), QRectF(self.rect()))
        draw_picture(painter, place, self._image, self._heat if self._is_lit else None)
        painter.end()


class HeatWords(QWidget):
    """Words in rows, lit by weight; where that is wished one can be picked, with the mouse or the arrow keys."""

    wordPicked = Signal(int)  # -1: none any more

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._weights: tuple[float, ...] = ()
        self._picked, self._can_pick = -1, False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        look.changed.connect(self.update)

    def set_words(self, words: Sequence[str], weights: Sequence[float], *, can_pick: bool = False) -> None:
        """Words with a weight each; no weights leave them unlit. The picked one stays so while the words are the same."""
        shown = readable(words)
        if shown != self._words or not can_pick:
            self._picked = -1
        self._words, self._weights, self._can_pick = shown, tuple(weights), can_pick
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if can_pick else Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if can_pick else Qt.CursorShape.ArrowCursor)
        self.setVisible(bool(words))
        self.setMinimumHeight(self._bottom())
        self.update()

    def picked(self) -> int:
        """The word that is looked at; -1 where none is."""
        return self._picked

    def pick(self, index: int) -> None:
        """Look at a word; once more, and at none."""
        if self._can_pick and index < len(self._words):
            self._picked = -1 if index == self._picked else max(index, -1)
            self.setAccessibleDescription(self._words[self._picked] if self._picked >= 0 else "")
            self.update()
            self.wordPicked.emit(self._picked)

    def place(self, index: int) -> QRectF:
        """Where a word stands."""
        return self._places()[index]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        self.pick(next((index for index, place in enumerate(self._places()) if place.contains(at)), -1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._can_pick:
            super().keyPressEvent(event)
        elif 0 <= self._picked + step < len(self._words):
            self.pick(self._picked + step)

    def resizeEvent(self, event: object) -> None:
        self.setMinimumHeight(self._bottom())

    def sizeHint(self) -> QSize:
        return QSize(200, self._bottom())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        highest = max(self._weights, default=0.0)
        for index, (word, place) in enumerate(zip(self._words, self._places())):
            lit = index < len(self._weights) and highest > 0
            share = self._weights[index] / highest if lit else 0.0
            is_picked = index == self._picked
            painter.setPen(QPen(QColor(theme().accent if is_picked else theme().line), 2 if is_picked else 1))
            painter.setBrush(
                heat_colour(share, theme().modality["text"], theme().raised) if lit else QColor(theme().raised)
            )
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(QColor(theme().text))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, word)
        painter.end()

    def _places(self) -> list[QRectF]:
        metrics, left, top, places = self.fontMetrics(), 0.5, 0.5, []
        high = metrics.height() + 6.0
        for word in self._words:
            wide = metrics.horizontalAdvance(word) + 14.0
            if left > 1 and left + wide > self.width():
                left, top = 0.5, top + high + 4
            places.append(QRectF(left, top, wide, high))
            left += wide + 4
        return places

    def _bottom(self) -> int:
        return int(max((place.bottom() for place in self._places()), default=0)) + 2
