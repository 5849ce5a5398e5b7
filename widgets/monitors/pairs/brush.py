"""A plot on which dragging marks a range of x; a click without dragging, or Escape, takes the range away."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QWidget

from widgets.look.theme import theme
from widgets.monitors.plot import Plot

LEAST_PIXELS = 4  # a shorter drag is a click


class BrushPlot(Plot):
    """Announces the marked range; draws it behind nothing but the grid."""

    rangeBrushed = Signal(float, float)  # low, high
    rangeCleared = Signal()

    def __init__(self, *, left: bool = True, bottom: bool = True, parent: QWidget | None = None) -> None:
        self._region: pg.LinearRegionItem | None = None
        super().__init__(left=left, bottom=bottom, parent=parent)
        self._region = pg.LinearRegionItem(movable=False)
        self._region.setZValue(-10)
        self._region.setVisible(False)
        self.addItem(self._region, ignoreBounds=True)
        self._began: float | None = None
        self._began_pixel = 0.0
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.restyle()

    def brushed(self) -> tuple[float, float] | None:
        """The marked range."""
        if self._region is None or not self._region.isVisible():
            return None
        low, high = self._region.getRegion()
        return float(low), float(high)

    def set_brushed(self, low: float, high: float) -> None:
        """Mark a range without a word."""
        if self._region is not None:
            self._region.setRegion((min(low, high), max(low, high)))
            self._region.setVisible(True)

    def clear_brush(self) -> None:
        """Take the range away without a word."""
        if self._region is not None:
            self._region.setVisible(False)

    def restyle(self) -> None:
        super().restyle()
        if self._region is not None:
            wash = QColor(theme().accent)
            wash.setAlpha(45)
            self._region.setBrush(wash)
            for line in self._region.lines:
                line.setPen(pg.mkPen(theme().accent, width=1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._began, self._began_pixel = self._x_at(event.position()), event.position().x()
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._began is None:
            super().mouseMoveEvent(event)
            return
        if abs(event.position().x() - self._began_pixel) >= LEAST_PIXELS:
            self.set_brushed(self._began, self._x_at(event.position()))
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._began is None:
            super().mouseReleaseEvent(event)
            return
        began, self._began = self._began, None
        if abs(event.position().x() - self._began_pixel) >= LEAST_PIXELS:
            low, high = sorted((began, self._x_at(event.position())))
            self.set_brushed(low, high)
            self.rangeBrushed.emit(low, high)
        elif self.brushed() is not None:
            self.clear_brush()
            self.rangeCleared.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.brushed() is not None:
            self.clear_brush()
            self.rangeCleared.emit()
        else:
            super().keyPressEvent(event)
