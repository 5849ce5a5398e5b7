"""A wire as drawn: a prebuilt path in its modality's colour, with a chip that says what flows."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from core.graph.analysis import PortFacts
from core.graph.document import Wire
from widgets.canvas import geometry as g
from widgets.canvas import ink
from widgets.canvas.items.drawn import Drawn
from widgets.look.theme import theme

CHIPS_FROM, VIA_FROM = 0.56, 0.35  # scales below which these are left out
CHIP_HEIGHT = 18.0
AROUND = 8.0


class WireItem(Drawn):
    """Draws one wire between two places the scene gives it."""

    scale_now = 1.0  # of all wires, see CanvasScene.look_from

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.modality = "any"
        self.facts: PortFacts | None = None
        self.selected = self.hovered = self.faded = self.muted = self.dropped_on = False
        self.carries_gradient = self.has_chip = True
        self.is_home = True  # laid for where the document has its ends
        self.pieces: list[g.Curve] = [((0, 0), (0, 0), (0, 0), (0, 0))]
        self._path = QPainterPath()
        self._lines: list[QLineF] = []
        self._bounds = QRectF()
        self._chip = QRectF()

    def lay(self, start: QPointF, end: QPointF, via: tuple[g.Point, ...] | None = None) -> None:
        """Run from ``start`` to ``end`` (scene units), through ``via`` or the wire's own reroute points."""
        self.prepareGeometryChange()
        self.setPos(0, 0)
        points = self.wire.via if via is None else via
        self.pieces = g.curves((start.x(), start.y()), (end.x(), end.y()), points)
        self._path, self._lines = g.path_of(self.pieces), []
        self._place_chip()
        self.update()

    def _place_chip(self) -> None:
        text = self.facts.concrete if self.facts and self.has_chip else ""
        self._bounds = g.box_of(self.pieces).adjusted(-AROUND, -AROUND, AROUND, AROUND)
        self._chip = QRectF()
        if text:
            wide = ink.text_width("chip", text) + 14
            start, end = self.pieces[0][0], self.pieces[-1][3]
            if end[0] - start[0] >= wide + 10:
                x, y = g.middle_of(self.pieces)
                self._chip = QRectF(x - wide / 2, y - CHIP_HEIGHT / 2, wide, CHIP_HEIGHT)
                self._bounds = self._bounds.united(self._chip.adjusted(-1, -1, 1, 1))

    def show_facts(self, facts: PortFacts | None, has_chip: bool = True) -> None:
        """Say what flows here, on a chip unless a wire from the same port has it already."""
        if facts is self.facts and has_chip == self.has_chip:
            return
        self.prepareGeometryChange()
        self.facts, self.has_chip = facts, has_chip
        self._place_chip()
        self.update()

    @property
    def path(self) -> QPainterPath:
        """The wire's path in its own coordinates."""
        return self._path

    @property
    def colour(self) -> str:
        """The colour of what flows."""
        return ink.modality_colour(self.modality)

    @property
    def is_dim(self) -> bool:
        """Whether it is drawn faintly: nothing is learned through it, or an end is muted."""
        return self.muted or self.faded or not self.carries_gradient

    @property
    def bounds(self) -> QRectF:
        """The wire's rectangle in scene units."""
        return self._bounds.translated(self.pos())

    def distance(self, x: float, y: float) -> float:
        """How far a point of the scene is from the wire; infinite where it is far."""
        if not self.bounds.contains(x, y):
            return float("inf")
        return g.nearest(self.pieces, x - self.pos().x(), y - self.pos().y())[0]

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        lit = self.selected or self.hovered or self.dropped_on
        alpha = 255 if lit else 60 if self.faded else 120 if self.is_dim else 230
        colour = theme().accent if self.selected or self.dropped_on else self.colour
        self._paint_line(painter, colour, 3.0 if lit else 2.0, alpha)
        if self.wire.via and self.scale_now >= VIA_FROM:
            painter.setPen(ink.pen(colour, 1.5, alpha))
            painter.setBrush(ink.node_fill())
            for piece in self.pieces[1:]:
                painter.drawEllipse(QPointF(*piece[0]), 4.0, 4.0)
        if not self._chip.isNull() and self.scale_now >= CHIPS_FROM and not self.faded and self.facts:
            self._paint_chip(painter, self.facts.concrete)

    def _paint_line(self, painter: QPainter, colour: str, width: float, strength: int) -> None:
        """Thin wires as a path of one device pixel, thick ones as short lines: each is the cheapest in its range."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.muted or width * self.scale_now <= 1.3:
            painter.setPen(ink.pen(colour, width if self.muted else 0.0, strength, self.muted))
            painter.drawPath(self._path)
            return
        if not self._lines:
            self._lines = g.lines_of(self.pieces)
        painter.setPen(ink.pen(colour, width, strength))
        painter.drawLines(self._lines)

    def _paint_chip(self, painter: QPainter, text: str) -> None:
        colours = theme()
        painter.setPen(ink.pen(colours.line))
        painter.setBrush(ink.brush(colours.canvas))
        painter.drawRoundedRect(self._chip, CHIP_HEIGHT / 2, CHIP_HEIGHT / 2)
        painter.setFont(ink.font("chip"))
        painter.setPen(ink.pen(colours.muted))
        painter.drawStaticText(QPointF(self._chip.x() + 7, self._chip.y() + 1.5), ink.laid_out("chip", text))
