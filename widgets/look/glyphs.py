"""Small marks drawn as paths: sharp at any zoom, in any colour, and free of the icon font's start-up cost."""

from __future__ import annotations

import math
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QTransform

STROKED = frozenset({"frozen", "reset", "cross", "check", "chain"})  # the others are filled


@cache
def glyph(name: str) -> QPainterPath:
    """The path of a mark inside the unit square: frozen, trained, error, warning, hint, reset, cross, check, chain, dot, pause."""
    return _DRAWN[name]()


def draw_glyph(painter: QPainter, name: str, box: QRectF, colour: str) -> None:
    """Paint a mark into a box."""
    painter.save()
    painter.translate(box.topLeft())
    painter.scale(box.width(), box.height())
    if name in STROKED:
        pen = QPen(QColor(colour), 0.11, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
    painter.drawPath(glyph(name))
    painter.restore()


def glyph_icon(name: str, colour: str, size: int = 16) -> QIcon:
    """The mark as an icon for buttons and lists."""
    return QIcon(glyph_pixmap(name, colour, size))


def glyph_pixmap(name: str, colour: str, size: int = 16) -> QPixmap:
    """The mark as a picture, at twice the size for sharp screens."""
    pixmap = QPixmap(size * 2, size * 2)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw_glyph(painter, name, QRectF(1, 1, size - 2, size - 2), colour)
    painter.end()
    return pixmap


def _frozen() -> QPainterPath:
    path, middle = QPainterPath(), QPointF(0.5, 0.5)
    for configuration in range(6):
        angle = math.radians(60 * configuration + 30)
        tip = QPointF(0.5 + 0.45 * math.cos(angle), 0.5 + 0.45 * math.sin(angle))
        knee = QPointF(0.5 + 0.27 * math.cos(angle), 0.5 + 0.27 * math.sin(angle))
        path.moveTo(middle)
        path.lineTo(tip)
        for turn in (-50, 50):
            side = angle + math.radians(turn)
            path.moveTo(knee)
            path.lineTo(knee + QPointF(0.17 * math.cos(side), 0.17 * math.sin(side)))
    return path


def _trained() -> QPainterPath:
    path = QPainterPath(QPointF(0.52, 0.02))
    path.cubicTo(0.56, 0.28, 0.88, 0.38, 0.86, 0.68)
    path.cubicTo(0.84, 0.88, 0.68, 0.98, 0.5, 0.98)
    path.cubicTo(0.32, 0.98, 0.15, 0.86, 0.15, 0.65)
    path.cubicTo(0.15, 0.5, 0.25, 0.44, 0.29, 0.3)
    path.cubicTo(0.36, 0.36, 0.38, 0.42, 0.39, 0.48)
    path.cubicTo(0.5, 0.38, 0.55, 0.22, 0.52, 0.02)
    return path


def _with_mark(path: QPainterPath, top: float, middle: float, bottom: float) -> QPainterPath:
    hole = QPainterPath()
    hole.addRoundedRect(QRectF(0.44, top, 0.12, middle - top), 0.05, 0.05)
    hole.addEllipse(QPointF(0.5, bottom), 0.075, 0.075)
    return path.subtracted(hole)


def _error() -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QRectF(0.02, 0.02, 0.96, 0.96))
    return _with_mark(path, 0.2, 0.6, 0.76)


def _warning() -> QPainterPath:
    path = QPainterPath(QPointF(0.5, 0.04))
    path.lineTo(0.98, 0.94)
    path.lineTo(0.02, 0.94)
    path.closeSubpath()
    return _with_mark(path, 0.34, 0.68, 0.81)


def _hint() -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QRectF(0.18, 0.03, 0.64, 0.64))
    path.addRoundedRect(QRectF(0.34, 0.62, 0.32, 0.16), 0.04, 0.04)
    path.addRoundedRect(QRectF(0.37, 0.83, 0.26, 0.13), 0.06, 0.06)
    path.setFillRule(Qt.FillRule.WindingFill)
    return path


def _reset() -> QPainterPath:
    path = QPainterPath()
    path.arcMoveTo(QRectF(0.16, 0.16, 0.68, 0.68), 150)
    path.arcTo(QRectF(0.16, 0.16, 0.68, 0.68), 150, -290)
    path.moveTo(0.1, 0.12)
    path.lineTo(0.2, 0.34)
    path.lineTo(0.43, 0.28)
    return path


def _cross() -> QPainterPath:
    path = QPainterPath(QPointF(0.2, 0.2))
    path.lineTo(0.8, 0.8)
    path.moveTo(0.8, 0.2)
    path.lineTo(0.2, 0.8)
    return path


def _check() -> QPainterPath:
    path = QPainterPath(QPointF(0.15, 0.55))
    path.lineTo(0.4, 0.8)
    path.lineTo(0.85, 0.2)
    return path


def _chain() -> QPainterPath:
    """Two links, one through the other, rising to the right."""
    path = QPainterPath()
    for start in (0.0, 0.36):
        path.addRoundedRect(QRectF(start + 0.02, 0.3, 0.58, 0.4), 0.2, 0.2)
    turned = QTransform().translate(0.5, 0.5).rotate(-45).translate(-0.5, -0.5)
    return turned.map(path)


def _pause() -> QPainterPath:
    path = QPainterPath()
    for left in (0.16, 0.58):
        path.addRoundedRect(QRectF(left, 0.08, 0.26, 0.84), 0.06, 0.06)
    return path


def _dot() -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QRectF(0.25, 0.25, 0.5, 0.5))
    return path


_DRAWN = {
    "frozen": _frozen, "trained": _trained, "error": _error, "warning": _warning, "hint": _hint, "reset": _reset,
    "cross": _cross, "check": _check, "chain": _chain, "dot": _dot, "pause": _pause,
}  # fmt: skip
