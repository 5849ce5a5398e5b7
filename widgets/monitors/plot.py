"""A small calm plot: raster, pen width 1, ranges set by whoever draws; dragging moves the timeline's cursor.

Wheel zooms along x (with Ctrl along y), the middle button pans, a double click shows everything again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QFontMetricsF, QMouseEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from widgets.look.theme import theme
from widgets.monitors.ranges import Floats, compact

LONG, SHORT = 1e15, 1e-15


class Axis(pg.AxisItem):
    """Ticks that read like a person writes them; on a logarithmic axis at 1, 2 and 5."""

    def __init__(self, side: str) -> None:
        super().__init__(side, maxTickLength=-4)
        self.logarithmic = False
        font = QFont(self.font())
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.8))
        self.setStyle(tickFont=font, tickTextOffset=3, autoReduceTextSpace=True, hideOverlappingLabels=side == "left")
        if side == "left":
            self.setWidth(42)
        else:
            self.setHeight(17)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        across = (maxVal - minVal) / max(size, 1.0) if self.orientation == "left" else 0.0  # values a pixel
        least = across * QFontMetricsF(self.style["tickFont"]).height() * 0.85
        return [(spacing, _apart(values, least)) for spacing, values in self._ticks(minVal, maxVal, size)]

    def _ticks(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        if not self.logarithmic:
            return super().tickValues(minVal, maxVal, size)[:1]
        first, last = math.floor(minVal), math.ceil(maxVal)
        every = max(1, math.ceil((last - first) * 26 / max(size, 1)))
        decades = [float(d) for d in range(first, last + 1, every) if minVal - 1e-9 <= d <= maxVal + 1e-9]
        if len(decades) > 2 or last - first > 4:
            return [(1.0, decades)]
        parts = [d + math.log10(m) for d in range(first, last + 1) for m in (1, 2, 5)]
        return [(1.0, [p for p in parts if minVal - 1e-9 <= p <= maxVal + 1e-9])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logarithmic:
            return [compact(float(f"{10.0**value:.3g}")) for value in values]
        digits = max(0, -math.floor(math.log10(max(spacing * scale, SHORT)) + 1e-9))
        numbers = [value * scale for value in values]
        if max((abs(number) for number in numbers), default=0) >= 1e4 or digits > 5:
            return [compact(number) for number in numbers]
        return [f"{number:,.{digits}f}" for number in numbers]


def _apart(values: Iterable[float], least: float) -> list[float]:
    """Those that are so far from the one before: beside a low plot no label lies over another."""
    kept: list[float] = []
    for value in values:
        if not kept or value - kept[-1] >= least:
            kept.append(value)
    return kept


class Plot(pg.PlotWidget):
    """Axes, a faint grid, a cursor line."""

    cursorRequested = Signal(float)  # x on the axis shown

    def __init__(self, *, left: bool = True, bottom: bool = True, parent: QWidget | None = None) -> None:
        axes = {"left": Axis("left"), "bottom": Axis("bottom")}
        super().__init__(parent=parent, axisItems=axes, enableMenu=False)
        self.setMinimumSize(40, 30)
        self.plotItem.hideButtons()
        menu = self.plotItem.ctrlMenu  # pyqtgraph makes it anyway; it must not outlive the plot
        menu.setParent(self, menu.windowFlags())
        self.plotItem.layout.setContentsMargins(0 if left else 14, 2, 14, 0)
        self.plotItem.showAxis("left", left)
        self.plotItem.showAxis("bottom", bottom)
        box = self.plotItem.getViewBox()
        box.setMouseEnabled(False, False)
        box.disableAutoRange()
        box.setDefaultPadding(0)
        self.setAntialiasing(False)
        self._wanted: tuple[float, float, float, float] | None = None
        self._zoomed = False
        self._dragging = False
        self._panned_from: QPointF | None = None
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(50)
        self._cursor.setVisible(False)
        self.addItem(self._cursor, ignoreBounds=True)
        self.restyle()

    def restyle(self) -> None:
        """Take over the theme's colours."""
        colours = theme()
        self.setBackground(colours.panel)
        for side in ("left", "bottom"):
            axis = self.plotItem.getAxis(side)
            axis.setPen(pg.mkPen(colours.line))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setGrid(120 if side == "left" else False)
        self._cursor.setPen(pg.mkPen(colours.muted, width=1))

    def set_logarithmic(self, x: bool, y: bool) -> None:
        """Label the axes as powers of ten; the data must be logarithms."""
        for side, on in (("bottom", x), ("left", y)):
            axis = self.plotItem.getAxis(side)
            if axis.logarithmic != on:
                axis.logarithmic = on
                axis.picture = None
                axis.update()
                self._zoomed = False

    def set_frame(self, left: float, right: float, bottom: float, top: float) -> None:
        """The range to show, unless the person has zoomed; costs nothing while it stays the same."""
        wanted = (left, right, bottom, top)
        if wanted == self._wanted or not all(math.isfinite(edge) for edge in wanted):
            return
        self._wanted = wanted
        if not self._zoomed:
            self._show_all()

    def width_shown(self) -> float:
        """How much of the x axis the data asks for."""
        return self._wanted[1] - self._wanted[0] if self._wanted is not None else 1.0

    def set_cursor(self, x: float | None) -> None:
        """The line at the cursor; None hides it."""
        shown = x is not None and math.isfinite(x)
        self._cursor.setVisible(shown)
        if shown:
            self._cursor.setValue(x)

    def add_line(self, colour: str, *, style: Qt.PenStyle = Qt.PenStyle.SolidLine, depth: float = 0) -> Any:
        """A curve of pen width 1."""
        item = pg.PlotCurveItem(pen=pg.mkPen(colour, width=1, style=style), skipFiniteCheck=True)
        item.setZValue(depth)
        self.addItem(item, ignoreBounds=True)
        return item

    def fit(self) -> None:
        """Back to the range the data asks for."""
        self._zoomed = False
        self._show_all()

    def _show_all(self) -> None:
        if self._wanted is None:
            return
        left, right, bottom, top = self._wanted
        self.plotItem.getViewBox().setRange(xRange=(left, right), yRange=(bottom, top), padding=0, update=True)

    def _x_at(self, position: QPointF) -> float:
        return self.plotItem.getViewBox().mapSceneToView(self.mapToScene(position.toPoint())).x()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragging = True
            self.cursorRequested.emit(self._x_at(event.position()))
        elif event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
            self._panned_from = event.position()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self.cursorRequested.emit(self._x_at(event.position()))
        elif self._panned_from is not None:
            box = self.plotItem.getViewBox()
            pixel = box.viewPixelSize()
            moved = event.position() - self._panned_from
            box.translateBy(x=-moved.x() * pixel[0], y=moved.y() * pixel[1])
            self._panned_from, self._zoomed = event.position(), True
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragging, self._panned_from = False, None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fit()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 1.15 ** (-event.angleDelta().y() / 120)
        box = self.plotItem.getViewBox()
        centre = box.mapSceneToView(self.mapToScene(event.position().toPoint()))
        upright = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        box.scaleBy(x=None if upright else factor, y=factor if upright else None, center=centre)
        self._zoomed = True
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()  # the card's own

    def leaveEvent(self, event: QEvent) -> None:
        event.accept()


def mix(colour: str, behind: str, share: float) -> QColor:
    """``share`` of a colour over another, opaque: cheaper to draw than a transparent pen."""
    front, back = QColor(colour), QColor(behind)
    return QColor(*(round(a * share + b * (1 - share)) for a, b in zip(front.getRgb()[:3], back.getRgb()[:3])))


def thin(colour: QColor | str, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A cosmetic pen of width 1."""
    return pg.mkPen(colour, width=1, style=style)


def show_line(item: Any, x: Floats, y: Floats) -> None:
    """Put points on a curve; gaps where a value is missing."""
    finite = bool(np.isfinite(y).all()) and bool(np.isfinite(x).all())
    item.setData(x, y, connect="all" if finite else "finite", skipFiniteCheck=finite)
