"""A frame as drawn: a titled rectangle behind the nodes that belong together."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from core.graph.document import Frame
from widgets.canvas import geometry as g
from widgets.canvas import ink
from widgets.canvas.items.drawn import Drawn
from widgets.look.theme import theme

TITLE_HEIGHT, EDGE = 24.0, 6.0
SMALLEST = 60.0


class FrameItem(Drawn):
    """Draws one frame; its title strip and its edges can be taken hold of."""

    scale_now = 1.0  # of all frames, see CanvasScene.look_from

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.selected = self.hovered = False
        self.frame = frame
        self._box = QRectF()
        self.show_frame(frame)

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame from now on."""
        self.frame = frame
        self.show_box(
            QRectF(g.on_canvas(frame.x), g.on_canvas(frame.y), g.on_canvas(frame.width), g.on_canvas(frame.height))
        )

    def show_box(self, box: QRectF) -> None:
        """Draw the frame elsewhere, as while it is dragged."""
        self.prepareGeometryChange()
        self._box = box.normalized()
        self.update()

    @property
    def box(self) -> QRectF:
        """The frame's rectangle in scene units."""
        return self._box

    @property
    def title_strip(self) -> QRectF:
        """The part that moves the frame; all of a note."""
        if self.frame.is_note:
            return self._box
        return QRectF(self._box.x(), self._box.y(), self._box.width(), TITLE_HEIGHT)

    def edges_at(self, at: QPointF, tolerance: float = EDGE) -> str:
        """Which edges are at a point: some of ``l r t b``, empty where none is."""
        box = self._box
        if not box.adjusted(-tolerance, -tolerance, tolerance, tolerance).contains(at):
            return ""
        near = {
            "l": abs(at.x() - box.left()), "r": abs(at.x() - box.right()),
            "t": abs(at.y() - box.top()), "b": abs(at.y() - box.bottom()),
        }  # fmt: skip
        return "".join(edge for edge, distance in near.items() if distance <= tolerance)

    def boundingRect(self) -> QRectF:
        return self._box.adjusted(-3, -3, 3, 3)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem | None = None, widget: QWidget | None = None
    ) -> None:
        colours = theme()
        if self.frame.is_note:
            self._paint_note(painter)
            return
        painter.setPen(
            ink.pen(colours.accent, 1.6)
            if self.selected
            else ink.pen(colours.muted if self.hovered else colours.line, 1.2)
        )
        painter.setBrush(ink.brush(colours.muted, 14))
        painter.drawRoundedRect(self._box, 8, 8)
        if self.scale_now >= 0.25:
            role = self.title_role
            painter.setFont(ink.font(role))
            painter.setPen(ink.pen(colours.muted))
            title = ink.elided(role, self.frame.title, max(self._box.width() - 20, 0))
            painter.drawStaticText(self._box.topLeft() + QPointF(10, 5), ink.laid_out(role, title))

    def _paint_note(self, painter: QPainter) -> None:
        """A sticky text; what has no room ends in dots."""
        colours, box = theme(), self._box
        painter.setPen(ink.pen(colours.accent if self.selected else colours.warning, 1.6 if self.selected else 1.0))
        painter.setBrush(ink.brush(colours.panel))
        painter.drawRoundedRect(box, 4, 4)
        painter.setBrush(ink.brush(colours.warning, 60 if self.hovered else 40))
        painter.drawRoundedRect(box, 4, 4)
        if self.scale_now < 0.25:
            return
        role, room = self.title_role, box.adjusted(9, 6, -9, -6)
        lines = ink.written(role, self.frame.title, max(room.width(), 1.0), max(room.height(), 1.0))
        painter.setFont(ink.font(role))
        painter.setPen(ink.pen(colours.text))
        for number, line in enumerate(lines):
            place = room.topLeft() + QPointF(0, number * ink.SIZES[role] * ink.LINE)
            painter.drawStaticText(place, ink.laid_out(role, line))

    @property
    def title_role(self) -> str:
        """The lettering of the title: larger from afar, so that it can still be read on the screen."""
        return "port" if self.scale_now * ink.SIZES["port"] >= ink.LEAST_PIXELS else "far_s"
