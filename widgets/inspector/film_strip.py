"""Which frames are taken of a clip: small frames along its time with a mark for each that is taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from widgets.look.frames import paint_frames
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

HEIGHT, MARKS = 40, 14  # pixels of the frames, and of the marks under them


class FilmStripView(QWidget):
    """A sentence about the clip, its frames, and marks; or why there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.strip = QLabel(), _Strip()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.strip)
        column.addWidget(self.words)
        self.hide()

    def show_film(
        self, name: str, frames: int, seconds: float, tiles: Sequence[NDArray[np.uint8]], marks: Sequence[float],
        gaps: tuple[float, float] | None, is_drawn: bool,
    ) -> None:  # fmt: skip
        """One clip and what is taken of it."""
        told = tr("{taken} of {frames} frames of “{name}”, {seconds} s", taken=len(marks), frames=f"{frames:,}", name=name,
                  seconds=f"{seconds:.2f}")  # fmt: skip
        if gaps is not None:
            told += " · " + tr("{low} to {high} s apart", low=f"{gaps[0]:.2f}", high=f"{gaps[1]:.2f}")
        if is_drawn:
            told += " · " + tr("training draws others every time")
        self.words.setText(told)
        self.strip.set_film(tiles, [mark / max(seconds, 1e-6) for mark in marks], told)
        self.strip.show()
        self.show()

    def show_refusal(self, sentence: str) -> None:
        """Why no clip can be shown; empty shows nothing at all."""
        self.words.setText(said(sentence))
        self.strip.hide()
        self.setVisible(bool(sentence))


class _Strip(QWidget):
    """Frames side by side, marks under them."""

    def __init__(self) -> None:
        super().__init__()
        self._tiles: Sequence[NDArray[np.uint8]] = ()
        self._marks: list[float] = []  # shares of the clip's time
        self.setFixedHeight(HEIGHT + MARKS)
        self.setAccessibleName(tr("Frames that are taken"))

    def set_film(self, tiles: Sequence[NDArray[np.uint8]], marks: Sequence[float], words: str) -> None:
        """Frames of equal parts of the time, and where frames are taken, as shares of it."""
        self._tiles = tuple(tiles)
        self._marks = list(marks)
        self.setToolTip(plain_tip(words))
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_frames(painter, QRectF(0, 0, self.width(), HEIGHT), self._tiles)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme()
        painter.setPen(QColor(colours.line))
        painter.drawLine(QPointF(0, HEIGHT + 0.5), QPointF(self.width(), HEIGHT + 0.5))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        for share in self._marks:
            x = min(max(share * self.width(), 4.0), self.width() - 4.0)
            tip = [QPointF(x, HEIGHT + 2), QPointF(x - 4, HEIGHT + 11), QPointF(x + 4, HEIGHT + 11)]
            painter.drawPolygon(QPolygonF(tip))
        painter.end()
