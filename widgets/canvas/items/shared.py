"""Thin lines from a block to the other places of its weights, while it is hovered or selected."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from widgets.canvas import ink
from widgets.canvas.items.passing import Passing
from widgets.look.theme import theme

Line = tuple[QPointF, QPointF]


class SharedItem(Passing):
    """Lines from box to box, over the kept picture."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[Line, ...] = ()
        self._bounds = QRectF()

    def lay(self, lines: Sequence[Line]) -> None:
        """Draw these from now on."""
        if tuple(lines) == self.lines:
            return
        self.prepareGeometryChange()
        self.lines = tuple(lines)
        self._bounds = QRectF()
        for start, end in self.lines:
            self._bounds = self._bounds.united(QRectF(start, end).normalized().adjusted(-3, -3, 3, 3))
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        painter.setPen(ink.pen(theme().accent, 1.2, 220, True))
        for start, end in self.lines:
            painter.drawLine(start, end)
