"""Points of two modalities in one plane, those of a sample joined by a thin line; told by the mouse, gathered by a lasso."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

DOT, NEAR, LEAST, EDGE = 3.2, 10.0, 6.0, 10.0  # pixels


class EmbeddingPlot(QWidget):
    """Left sides are round, right sides square."""

    lassoed = Signal(object, object)  # places of the left and of the right sides inside
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._left = self._right = np.zeros((0, 2))
        self._colours: tuple[Sequence[str], Sequence[str]] = ((), ())
        self._labels: tuple[str, ...] = ()
        self._names = ("", "")
        self._lasso = QPolygonF()
        self._draws = False
        self._on: tuple[int, int] | None = None  # side, place
        self.setMouseTracking(True)
        self.setMinimumSize(80, 80)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Map of embeddings"))

    def set_points(
        self, left_P2: NDArray[np.float64], right_P2: NDArray[np.float64], *, colours: tuple[Sequence[str], Sequence[str]],
        labels: Sequence[str], names: tuple[str, str],
    ) -> None:  # fmt: skip
        """Where both sides of every sample lie, in which colours, and what is told of them."""
        self._left, self._right, self._colours = left_P2, right_P2, colours
        self._labels, self._names, self._on = tuple(labels), names, None
        self.update()

    def clear_lasso(self) -> None:
        """Take it away without a word."""
        self._lasso = QPolygonF()
        self.update()

    def places(self) -> tuple[list[QPointF], list[QPointF]]:
        """Where the points of both sides are drawn."""
        both = np.concatenate([self._left, self._right]) if len(self._left) else np.zeros((1, 2))
        low, high = both.min(0), both.max(0)
        inside = QRectF(self.rect()).adjusted(EDGE, EDGE, -EDGE, -EDGE)
        scale = min(inside.width() / max(high[0] - low[0], 1e-9), inside.height() / max(high[1] - low[1], 1e-9))
        middle = (low + high) / 2
        left, right = (
            [
                QPointF(inside.center().x() + (x - middle[0]) * scale, inside.center().y() - (y - middle[1]) * scale)
                for x, y in side
            ]
            for side in (self._left, self._right)
        )
        return left, right

    def sizeHint(self) -> QSize:
        return QSize(240, 200)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self.places()
        line = QColor(theme().muted)
        line.setAlpha(70)
        painter.setPen(QPen(line, 0.7))
        for one, other in zip(left, right):
            painter.drawLine(one, other)
        painter.setPen(Qt.PenStyle.NoPen)
        for side, points in enumerate((left, right)):
            for place, point in enumerate(points):
                painter.setBrush(QColor(self._colours[side][place]))
                size = DOT * (1.8 if (side, place) == self._on else 1)
                box = QRectF(point.x() - size, point.y() - size, 2 * size, 2 * size)
                painter.drawEllipse(box) if side == 0 else painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        if len(self._lasso) > 1:
            wash = QColor(theme().accent)
            painter.setPen(QPen(wash, 1.2))
            wash.setAlpha(40)
            painter.setBrush(wash)
            painter.drawPolygon(self._lasso)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._lasso, self._draws = QPolygonF([event.position()]), True
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._draws:
            self._lasso.append(event.position())
            self.update()
            return
        found = self._near(event.position())
        if found != self._on:
            self._on = found
            self.update()
            if found is not None:
                told = tr("{modality}: {label}", modality=self._names[found[0]], label=self._labels[found[1]])
                QToolTip.showText(event.globalPosition().toPoint(), plain_tip(told), self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._draws:
            return
        self._draws = False
        box = self._lasso.boundingRect()
        if max(box.width(), box.height()) < LEAST:
            self.clear_lasso()
            self.cleared.emit()
            return
        inside = [
            [place for place, point in enumerate(side) if self._lasso.containsPoint(point, Qt.FillRule.OddEvenFill)]
            for side in self.places()
        ]
        self.lassoed.emit(inside[0], inside[1])
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and len(self._lasso):
            self.clear_lasso()
            self.cleared.emit()
        else:
            super().keyPressEvent(event)

    def _near(self, position: QPointF) -> tuple[int, int] | None:
        best, found = NEAR, None
        for side, points in enumerate(self.places()):
            for place, point in enumerate(points):
                away = (point - position).manhattanLength()
                if away < best:
                    best, found = away, (side, place)
        return found
