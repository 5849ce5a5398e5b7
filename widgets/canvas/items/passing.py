"""What is drawn only while a gesture lasts: a loose wire and the selection box."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from widgets.canvas import geometry as g
from widgets.canvas import ink
from widgets.canvas.items.drawn import Drawn
from widgets.look.theme import theme


class Passing(Drawn):
    """Stands over the kept picture and is painted with every frame."""


class LooseWireItem(Passing):
    """A wire with one end at the cursor."""

    def __init__(self, modality: str) -> None:
        super().__init__()
        self._modality = modality
        self._path = QPainterPath()
        self._bounds = QRectF()
        self._is_held = False

    def lay(self, start: QPointF, end: QPointF, is_held: bool) -> None:
        """Run between two places; ``is_held`` where the loose end lies on a port that takes it."""
        self.prepareGeometryChange()
        pieces = g.curves((start.x(), start.y()), (end.x(), end.y()))
        self._path = g.path_of(pieces)
        self._bounds = g.box_of(pieces).adjusted(-6, -6, 6, 6)
        self._is_held = is_held
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        painter.setPen(
            ink.pen(ink.modality_colour(self._modality), 3.0 if self._is_held else 2.0, 255, not self._is_held)
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path)


class KnifeItem(Passing):
    """The line along which wires are cut."""

    def __init__(self) -> None:
        super().__init__()
        self._line = QLineF()

    def lay(self, start: QPointF, end: QPointF) -> None:
        """Run between two places of the scene."""
        self.prepareGeometryChange()
        self._line = QLineF(start, end)
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self._line.p1(), self._line.p2()).normalized().adjusted(-3, -3, 3, 3)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        painter.setPen(ink.pen(theme().bad, 1.6, 255, True))
        painter.drawLine(self._line)


class BoxItem(Passing):
    """The rubber band of a box selection."""

    def __init__(self) -> None:
        super().__init__()
        self._box = QRectF()

    def show_box(self, box: QRectF) -> None:
        """Cover this rectangle of the scene."""
        self.prepareGeometryChange()
        self._box = box
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box.adjusted(-2, -2, 2, 2)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        pen = ink.pen(theme().accent, 0.0)
        painter.setPen(pen)
        painter.setBrush(ink.shade(theme().accent, 34))
        painter.drawRect(self._box)
