"""Every code of a book at the cursor: what it looks like where it was drawn, and how much it is used, in order of their numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.theme import theme
from widgets.monitors.plot import mix

FULL = 4.0  # times uniform use at which a cell without a picture, or its bar, is full
BAR = 0.16  # of a cell: the bar of use under its picture
LEAST_BAR = 9.0  # pixels of a cell below which there is no room for a bar


class CodeSheet(QWidget):
    """A cell a code; unused ones are faint."""

    pointed = Signal(int)  # the code under the mouse; -1: none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._picture: QImage | None = None
        self._at = -1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_codes(self, counts: NDArray[np.int64], picture: QImage | None) -> None:
        """Show these; the picture holds as many cells, as nearly square as whole rows allow."""
        self._counts, self._picture = counts, picture
        self.update()

    def shape(self) -> tuple[int, int]:
        """Columns and rows of the sheet."""
        columns = max(1, math.ceil(math.sqrt(len(self._counts))))
        return columns, max(1, -(-len(self._counts) // columns))

    def place(self, code: int) -> QRectF:
        """Where a code is painted."""
        columns, rows = self.shape()
        side = max(1.0, min(self.width() / columns, self.height() / rows))
        left, top = (self.width() - side * columns) / 2, (self.height() - side * rows) / 2
        gap = 1.0 if side >= 4 else 0.0
        return QRectF(left + code % columns * side, top + code // columns * side, side - gap, side - gap)

    def code_at(self, point: QPointF) -> int:
        """The code there; -1 where there is none."""
        columns, rows = self.shape()
        first = self.place(0)
        side = self.place(1).left() - first.left() if columns > 1 else first.width() + 1
        column, row = math.floor((point.x() - first.left()) / side), math.floor((point.y() - first.top()) / side)
        code = row * columns + column
        inside = 0 <= column < columns and 0 <= row < rows and code < len(self._counts)
        return code if inside else -1

    def sizeHint(self) -> QSize:
        return QSize(160, 160)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 60)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self.code_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(-1)

    def _point_at(self, code: int) -> None:
        if code != self._at:
            self._at = code
            self.pointed.emit(code)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.setPen(Qt.PenStyle.NoPen)
        strength = np.clip(self._counts * len(self._counts) / max(int(self._counts.sum()), 1) / FULL, 0.0, 1.0)
        for code, share in enumerate(strength.tolist()):
            self._paint_code(painter, code, share)
        if self._at >= 0:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QColor(theme().text))
            painter.drawRect(self.place(self._at))
        painter.end()

    def _paint_code(self, painter: QPainter, code: int, share: float) -> None:
        place, colour = self.place(code), theme().accent
        if self._picture is None:
            painter.fillRect(place, mix(colour, theme().canvas, 0.12 + 0.88 * share if share else 0.04))
            return
        columns, rows = self.shape()
        wide, high = self._picture.width() / columns, self._picture.height() / rows
        cell = QRectF(code % columns * wide, code // columns * high, wide, high)
        has_bar = place.height() >= LEAST_BAR
        shown = place.adjusted(0, 0, 0, -place.height() * BAR) if has_bar else place
        painter.setOpacity(1.0 if share else 0.25)
        painter.drawImage(shown, self._picture, cell)
        painter.setOpacity(1.0)
        if has_bar:
            bar = QRectF(place.left(), shown.bottom() + 1, place.width() * share, place.bottom() - shown.bottom() - 1)
            painter.fillRect(bar, QColor(colour))
