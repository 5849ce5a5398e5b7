"""The whole drawing in a corner: where the view is, what has a problem, what runs. Click or drag to go there."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from widgets.canvas import ink
from widgets.canvas.items.node import severity_colour
from widgets.canvas.scene import CanvasScene
from widgets.look.language import tr
from widgets.look.theme import theme

SIZE, PADDING = QSize(150, 96), 8.0


class Overlooked(Protocol):
    """What the overview asks of the canvas."""

    board: CanvasScene

    def seen(self) -> QRectF:
        """The part of the scene that is on the screen."""

    def centerOn(self, at: QPointF) -> None:
        """Look there."""


class Minimap(QWidget):
    """Draws the canvas small; the picture is made again only when the document or the analysis changed."""

    def __init__(self, canvas: Overlooked, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._picture = QPixmap()
        self._content = QRectF()
        self.setFixedSize(SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Overview of the graph"))
        self.setToolTip(tr("Click or drag to look elsewhere"))

    def refresh(self) -> None:
        """The drawing changed."""
        self._picture = QPixmap()
        self.update()

    def _spread(self) -> tuple[float, QPointF]:
        """Device pixels a scene unit, and where the scene's origin is drawn."""
        room = QRectF(self.rect()).adjusted(PADDING, PADDING, -PADDING, -PADDING)
        scale = min(room.width() / max(self._content.width(), 1.0), room.height() / max(self._content.height(), 1.0))
        return scale, room.center() - self._content.center() * scale

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture.isNull():
            self._make_picture()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        scale, origin = self._spread()
        seen = self._canvas.seen()
        box = QRectF(seen.topLeft() * scale + origin, seen.size() * scale).intersected(
            QRectF(self.rect()).adjusted(2, 2, -3, -3)
        )
        painter.setPen(ink.pen(theme().accent, 1.0))
        painter.setBrush(ink.shade(theme().accent, 18))
        painter.drawRect(box)

    def _make_picture(self) -> None:
        colours = theme()
        ratio = self.devicePixelRatioF()
        self._picture = QPixmap(self.size() * ratio)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(Qt.GlobalColor.transparent)
        self._content = self._canvas.board.content()
        painter = QPainter(self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(ink.pen(colours.line))
        painter.setBrush(QColor(colours.panel))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(self._canvas.board.nodes) < 200)
        scale, origin = self._spread()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for frame in self._canvas.board.frames.values():
            painter.drawRect(QRectF(frame.box.topLeft() * scale + origin, frame.box.size() * scale))
        self._draw_nodes(painter, scale, origin)

    def _draw_nodes(self, painter: QPainter, scale: float, origin: QPointF) -> None:
        marks = []
        for item in self._canvas.board.nodes.values():
            size = item.box.size() * scale
            box = QRectF(item.pos() * scale + origin, size)
            box.setWidth(max(box.width(), 2.5))
            box.setHeight(max(box.height(), 2.5))
            painter.fillRect(box, ink.shade(item.colour, 210))
            if item.severity or item.running:
                marks.append((box, severity_colour(item.severity) if item.severity else theme().good))
        for box, colour in marks:
            painter.setPen(ink.pen(colour, 1.5))
            painter.drawRect(box.adjusted(-2, -2, 2, 2))

    def _go(self, event: QMouseEvent) -> None:
        scale, origin = self._spread()
        self._canvas.centerOn((event.position() - origin) / scale)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()
