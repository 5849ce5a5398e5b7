"""The drawing from afar: all wires and nodes of a colour in one stroke each, instead of an item at a time."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from widgets.canvas import ink
from widgets.canvas.items.node import NodeItem, severity_colour
from widgets.canvas.items.wire import WireItem
from widgets.look.theme import theme

TITLES_FROM = 0.18


class FarItem(QGraphicsItem):
    """Draws everything small. The lists are made again only when they are needed and something changed."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: dict[str, NodeItem] = {}
        self._wires: dict[str, WireItem] = {}
        self._lifted_nodes: set[str] = set()
        self._lifted_wires: set[str] = set()
        self._stale = True
        self._bounds = QRectF()
        self._strokes: list[tuple[str, int, QPainterPath]] = []
        self._boxes: list[tuple[str, list[QRectF]]] = []
        self._plain_boxes: list[QRectF] = []
        self.scale_now = 1.0
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)  # for the exposed rectangle

    def show_items(self, nodes: dict[str, NodeItem], wires: dict[str, WireItem], bounds: QRectF) -> None:
        """Draw these items; the dictionaries are the scene's own and may change, see :meth:`forget`."""
        self._nodes, self._wires = nodes, wires
        if bounds != self._bounds:
            self.prepareGeometryChange()
            self._bounds = bounds
        self.forget()

    def forget(self) -> None:
        """Something changed: make the lists again before the next painting."""
        self._stale = True
        self.update()

    def lift(self, nodes: Iterable[str], wires: Iterable[str]) -> None:
        """These are being moved: they are left out of the lists and drawn one by one."""
        self._lifted_nodes, self._lifted_wires = set(nodes), set(wires)
        self.forget()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._stale:
            self._gather()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for colour, alpha, path in self._strokes:
            pen = ink.pen(colour, 0.0, alpha)
            painter.setPen(pen)
            painter.drawPath(path)
        for name in self._lifted_wires:
            self._paint_wire(painter, self._wires.get(name))
        painter.setPen(ink.pen(theme().line, 0.0))
        painter.setBrush(ink.node_fill())
        painter.drawRects(self._plain_boxes)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, boxes in self._boxes:
            painter.setBrush(ink.brush(colour))
            painter.drawRects(boxes)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.scale_now >= TITLES_FROM:
            self._paint_titles(painter, option.exposedRect)
        self._paint_marks(painter)

    def _paint_titles(self, painter: QPainter, seen: QRectF) -> None:
        """Titles grow as the drawing shrinks, so that they can be read from farther away than anything else."""
        role = "far_l" if self.scale_now < 0.25 else "far_m" if self.scale_now < 0.34 else "far_s"
        lift = ink.metrics(role).height() / 2
        painter.setFont(ink.font(role))
        painter.setPen(ink.pen(theme().text))
        for item in self._nodes.values():
            box = item.box
            if seen.intersects(box):
                title = ink.elided(role, item.shape_now.title, box.width() - 36)
                painter.drawStaticText(QPointF(box.x() + 30, box.center().y() - lift), ink.laid_out(role, title))

    def _paint_wire(self, painter: QPainter, item: WireItem | None) -> None:
        if item is not None:
            painter.setPen(ink.pen(item.colour, 0.0, 230))
            painter.drawPath(item.path.translated(item.pos()))

    def _paint_marks(self, painter: QPainter) -> None:
        """What must be seen from afar: the selection, problems, what runs, what is being moved."""
        colours = theme()
        for name, item in self._nodes.items():
            if name in self._lifted_nodes:
                painter.setPen(ink.pen(colours.accent, 0.0))
                painter.setBrush(ink.brush(item.colour))
                painter.drawRect(item.box)
            marked = colours.accent if item.selected else colours.good if item.running else ""
            if item.severity:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(ink.brush(severity_colour(item.severity)))
                painter.drawEllipse(item.box.topRight(), 16, 16)
            if marked:
                painter.setPen(ink.pen(marked, 8.0))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(item.box)

    def _gather(self) -> None:
        strokes: dict[tuple[str, int], QPainterPath] = {}
        for name, item in self._wires.items():
            if name not in self._lifted_wires:
                key = (item.colour, 110 if item.is_dim else 230)
                path = strokes.setdefault(key, QPainterPath())
                _trace(path, item)
        boxes: dict[str, list[QRectF]] = {}
        self._plain_boxes = []
        for name, item in self._nodes.items():
            if name not in self._lifted_nodes:
                box = item.box
                self._plain_boxes.append(box)
                boxes.setdefault(item.colour, []).append(
                    QRectF(box.x(), box.y(), max(box.width() * 0.12, 12), box.height())
                )
        self._strokes = [(colour, alpha, path) for (colour, alpha), path in strokes.items()]
        self._boxes = list(boxes.items())
        self._stale = False


def _trace(path: QPainterPath, item: WireItem) -> None:
    """A wire as a few straight lines: at this scale a curve looks the same and costs more."""
    dx, dy = item.pos().x(), item.pos().y()
    path.moveTo(QPointF(item.pieces[0][0][0] + dx, item.pieces[0][0][1] + dy))
    for (ax, ay), (px, _), (qx, _), (bx, by) in item.pieces:
        path.lineTo(ax + (px - ax) * 0.35 + dx, ay + (by - ay) * 0.06 + dy)
        path.lineTo(bx - (bx - qx) * 0.35 + dx, by - (by - ay) * 0.06 + dy)
        path.lineTo(bx + dx, by + dy)
