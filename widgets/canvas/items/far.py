"""The drawing from afar: the wires and nodes of a colour together, instead of an item at a time."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath

from widgets.canvas import ink
from widgets.canvas.items.node import NodeItem, severity_colour
from widgets.canvas.items.wire import WireItem
from widgets.look.theme import theme

TITLES_FROM = 0.18
MARK = 16.0  # of a problem, half its width in scene units
Stroke = tuple[str, int]  # colour and strength


class Far:
    """Draws everything small. The path of a wire is made again only after the wire changed."""

    def __init__(self) -> None:
        self._paths: dict[WireItem, tuple[Stroke, QPainterPath]] = {}

    def forget(self) -> None:
        """Wires came or went."""
        self._paths.clear()

    def touch(self, item: WireItem) -> None:
        """A wire changed."""
        self._paths.pop(item, None)

    def draw(self, painter: QPainter, nodes: list[NodeItem], wires: list[WireItem], scale: float) -> None:
        """Paint these as they look at a scale."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._draw_wires(painter, wires)
        boxes = [item.box for item in nodes]
        _draw_boxes(painter, nodes, boxes)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if scale >= TITLES_FROM:
            _draw_titles(painter, nodes, boxes, scale)
        _draw_marks(painter, nodes, boxes)

    def _draw_wires(self, painter: QPainter, wires: list[WireItem]) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        strokes: dict[Stroke, list[QPainterPath]] = {}
        for item in wires:
            found = self._paths.get(item)
            if found is None:
                found = self._paths[item] = ((item.colour, 110 if item.is_dim else 230), _path(item))
            strokes.setdefault(found[0], []).append(found[1])
        for (colour, strength), paths in sorted(strokes.items()):  # in one order, whatever part is painted
            painter.setPen(ink.pen(colour, 0.0, strength))
            for path in paths:
                painter.drawPath(path)


def _draw_boxes(painter: QPainter, nodes: list[NodeItem], boxes: list[QRectF]) -> None:
    painter.setPen(ink.pen(theme().line, 0.0))
    painter.setBrush(ink.node_fill())
    painter.drawRects(boxes)
    painter.setPen(Qt.PenStyle.NoPen)
    bars: dict[str, list[QRectF]] = {}
    for item, box in zip(nodes, boxes):
        bars.setdefault(item.colour, []).append(QRectF(box.x(), box.y(), max(box.width() * 0.12, 12), box.height()))
    for colour, rects in sorted(bars.items()):
        painter.setBrush(ink.brush(colour))
        painter.drawRects(rects)


def _draw_titles(painter: QPainter, nodes: list[NodeItem], boxes: list[QRectF], scale: float) -> None:
    """Titles grow as the drawing shrinks, so that they can be read from farther away than anything else."""
    role = "far_l" if scale < 0.25 else "far_m" if scale < 0.34 else "far_s"
    lift = ink.metrics(role).height() / 2
    painter.setFont(ink.font(role))
    painter.setPen(ink.pen(theme().text))
    for item, box in zip(nodes, boxes):
        title = ink.elided(role, item.shape_now.title, box.width() - 36)
        painter.drawStaticText(QPointF(box.x() + 30, box.center().y() - lift), ink.laid_out(role, title))


def _draw_marks(painter: QPainter, nodes: list[NodeItem], boxes: list[QRectF]) -> None:
    """What must be seen from afar: the selection, problems, what runs."""
    colours = theme()
    for item, box in zip(nodes, boxes):
        marked = colours.accent if item.selected else colours.good if item.running else ""
        if item.severity:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.brush(severity_colour(item.severity)))
            painter.drawEllipse(box.topRight(), MARK, MARK)
        if marked:
            painter.setPen(ink.pen(marked, 8.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)


def _path(item: WireItem) -> QPainterPath:
    """At this scale a few straight lines look as a curve does, and cost less."""
    path, points = QPainterPath(), _traced(item)
    path.moveTo(*next(points))
    for x, y in points:
        path.lineTo(x, y)
    return path


def _traced(item: WireItem) -> Iterator[tuple[float, float]]:
    dx, dy = item.pos().x(), item.pos().y()
    yield item.pieces[0][0][0] + dx, item.pieces[0][0][1] + dy
    for (ax, ay), (px, _), (qx, _), (bx, by) in item.pieces:
        yield ax + (px - ax) * 0.35 + dx, ay + (by - ay) * 0.06 + dy
        yield bx - (bx - qx) * 0.35 + dx, by - (by - ay) * 0.06 + dy
        yield bx + dx, by + dy
