"""Layers and heads as a wall of small maps: all of what is lit, at once. A click or an arrow key chooses one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.inspection.lighting import Pointed, layer_map, lit_by
from widgets.inspection.values import GREATEST, MEAN, Layer
from widgets.look.language import tr
from widgets.look.pictures import heat_of
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme

CELL, GAP, LABEL = 54, 6, 20  # pixels
STEPS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class HeadWall(QWidget):
    """A row for every layer: the mean of its heads, the greatest, and each head."""

    chosen = Signal(str, int)  # layer's key, head

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers: tuple[Layer, ...] = ()
        self._images: list[list[QImage]] = []
        self._at = (0, 0)  # row, column
        self._is_on = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Layers and heads"))
        look.changed.connect(self.update)

    def set_layers(self, layers: Sequence[Layer], pointed: Pointed) -> None:
        """The maps of a subject, lit by what is pointed at."""
        self._layers = tuple(layers)
        self._images = [[self._small(layer, head, pointed) for head in self.heads(layer)] for layer in layers]
        row = min(self._at[0], max(len(self._layers) - 1, 0))
        columns = len(self._images[row]) if self._images else 1
        self._at = row, min(self._at[1], columns - 1)
        self._say()
        self.setFixedHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    @staticmethod
    def heads(layer: Layer) -> list[int]:
        """What stands in a row: of a single head nothing but itself."""
        count = len(layer.weights_HQK)
        return [MEAN, GREATEST, *range(count)] if count > 1 else [0]

    def choose(self, key: str, head: int) -> None:
        """Put the frame somewhere without a word."""
        for row, layer in enumerate(self._layers):
            if layer.key == key:
                heads = self.heads(layer)
                self._at = row, heads.index(head) if head in heads else 0
        self._say()
        self.update()

    def current(self) -> tuple[str, int]:
        """The framed layer and head; an empty key where there is none."""
        if not self._layers:
            return "", MEAN
        layer = self._layers[self._at[0]]
        return layer.key, self.heads(layer)[self._at[1]]

    def set_on(self, is_on: bool) -> None:
        """Whether what is framed is what is shown large."""
        self._is_on = is_on
        self.update()

    def sizeHint(self) -> QSize:
        widest = max((len(row) for row in self._images), default=1)
        return QSize(widest * (CELL + GAP) + GAP, len(self._layers) * (CELL + LABEL + GAP) + GAP)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = STEPS.get(Qt.Key(event.key()))
        if step is None or not self._layers:
            super().keyPressEvent(event)
            return
        row = min(max(self._at[0] + step[0], 0), len(self._layers) - 1)
        self._go(row, min(max(self._at[1] + step[1], 0), len(self._images[row]) - 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (cell := self._cell_at(event.position())) is not None:
            self._go(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if (cell := self._cell_at(event.position())) is not None:
            QToolTip.showText(event.globalPosition().toPoint(), plain_tip(self._told(*cell)), self)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        for row, layer in enumerate(self._layers):
            top = GAP + row * (CELL + LABEL + GAP)
            painter.setPen(QColor(theme().muted))
            name = metrics.elidedText(layer.title, Qt.TextElideMode.ElideMiddle, self.width() - 2 * GAP)
            painter.drawText(QRectF(GAP, top, self.width() - GAP, LABEL), Qt.AlignmentFlag.AlignVCenter, name)
            for column, image in enumerate(self._images[row]):
                self._paint_cell(painter, self._place(row, column), image, (row, column) == self._at)
        painter.end()

    def _paint_cell(self, painter: QPainter, place: QRectF, image: QImage, is_current: bool) -> None:
        painter.fillRect(place, QColor(theme().raised))
        inner = QRectF(place)
        if image.height() and image.width() / image.height() > 4:  # words in a row: a strip in the middle
            inner = QRectF(place.left(), place.center().y() - CELL / 6, CELL, CELL / 3)
        painter.drawImage(inner, image)
        colour = theme().accent if is_current and self._is_on else theme().text if is_current else theme().line
        painter.setPen(QPen(QColor(colour), 2 if is_current else 1))
        painter.drawRect(place)

    def _small(self, layer: Layer, head: int, pointed: Pointed) -> QImage:
        lit = lit_by(layer_map(layer, head), pointed)
        weights: NDArray[np.float32]
        if lit.heat is not None:
            weights = lit.heat
        elif lit.word_weights is not None and len(lit.words):
            weights = lit.word_weights[None, : len(lit.words)]
        else:
            weights = layer_map(layer, head).weights_QK
        return heat_of(weights)

    def _place(self, row: int, column: int) -> QRectF:
        return QRectF(GAP + column * (CELL + GAP), GAP + row * (CELL + LABEL + GAP) + LABEL, CELL, CELL)

    def _cell_at(self, position: QPointF) -> tuple[int, int] | None:
        for row, images in enumerate(self._images):
            for column in range(len(images)):
                if self._place(row, column).contains(position):
                    return row, column
        return None

    def _go(self, row: int, column: int) -> None:
        self._at = row, column
        self._say()
        self.update()
        self.chosen.emit(*self.current())

    def _told(self, row: int, column: int) -> str:
        layer = self._layers[row]
        return f"{layer.title} · {head_title(self.heads(layer)[column])}"

    def _say(self) -> None:
        self.setAccessibleDescription(self._told(*self._at) if self._layers else tr("No attention"))


def head_title(head: int) -> str:
    """As it is read."""
    if head == MEAN:
        return tr("mean of heads")
    return tr("greatest of heads") if head == GREATEST else tr("head {n}", n=head + 1)
