"""The picked answer, close up: its picture with the attention over it and its words lit by weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
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
        self._image = image_of(pixels) if pixels is not None and pixels.size else None
        self._heat = heat_of(heat) if heat is not None and heat.size else None
        self.update()

    def set_lit(self, lit: bool) -> None:
        """Show or hide the heat."""
        self._is_lit = lit
        self.update()

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
    """Words in rows, lit by weight."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._weights: tuple[float, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        look.changed.connect(self.update)

    def set_words(self, words: Sequence[str], weights: Sequence[float]) -> None:
        """Words with a weight each; no weights leave them unlit."""
        self._words, self._weights = readable(words), tuple(weights)
        self.setVisible(bool(words))
        self.setMinimumHeight(self._bottom())
        self.update()

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
            painter.setPen(QPen(QColor(theme().line), 1))
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
