"""The scale beside an attention map: which colour is which share, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.language import tr
from widgets.look.pictures import difference_of, heat_of
from widgets.look.theme import theme

BAR, TICKS = 10, 3


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is drawn without colour and with the most; shares of attention, or cosines."""

    low: float = 0.0
    high: float = 0.0
    is_cosine: bool = False
    is_difference: bool = False  # from -high to high; zero has no colour
    is_relevance: bool = False

    def said(self, value: float) -> str:
        """A value as it is read."""
        if self.is_difference:
            return f"{100 * value:+.1f} %" if not self.is_cosine else f"{value:+.2f}"
        return f"{value:.2f}" if self.is_cosine else percent(value)

    def told(self, value: float) -> str:
        """A value with what it is."""
        if self.is_cosine:
            return tr("similarity {value}", value=f"{value:.2f}")
        if self.is_difference:
            return tr("difference {value}", value=self.said(value))
        if self.is_relevance:
            return tr("relevance {value}", value=f"{value * 100:.1f} %")
        return tr("attention {value}", value=f"{value * 100:.1f} %")

    def part(self, value: float) -> float:
        """Where it lies between low and high, 0 to 1; of a difference how far from zero."""
        if self.is_difference:
            return min(abs(value) / (self.high or 1.0), 1.0)
        return min(max((value - self.low) / ((self.high - self.low) or 1.0), 0.0), 1.0)


class HeatScale(QWidget):
    """A bar from the least to the greatest value that is drawn, with what the extremes and the middle are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scale = Scale()
        self.at: float | None = None  # the weight under the mouse
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.show_range(self.scale)

    def show_range(self, scale: Scale) -> None:
        """What the colours are."""
        self.scale = scale
        self.setToolTip(
            tr("Difference; blue is less, orange is more, and nothing is drawn where there is none")
            if scale.is_difference
            else tr("Share of the relevance; colours reach from 0 to the greatest of this map")
            if scale.is_relevance
            else tr("Cosine similarity; colours reach from the least to the greatest of this map")
            if scale.is_cosine
            else tr("Share of the attention; colours reach from 0 to the greatest of this map")
        )
        self.update()

    def show_value(self, value: float | None) -> None:
        """Mark the weight under the mouse."""
        if value != self.at:
            self.at = value
            self.update()

    def labels(self) -> list[tuple[float, str]]:
        """Places along the bar, 0 at its foot, and the value there."""
        low, high = self.scale.low, self.scale.high
        return [(n / (TICKS - 1), self.scale.said(low + (high - low) * n / (TICKS - 1))) for n in range(TICKS)]

    def _place(self, value: float) -> float:
        """Where a value stands on the bar, 0 at its foot."""
        if self.scale.is_difference:
            return (min(max(value / (self.scale.high or 1.0), -1.0), 1.0) + 1) / 2
        return self.scale.part(value)

    def sizeHint(self) -> QSize:
        return QSize(BAR + 10 + self.fontMetrics().horizontalAdvance("+00.0 %"), 90)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.scale.high <= self.scale.low:
            return
        painter = QPainter(self)
        high = self.fontMetrics().height()
        bar = QRectF(0, high / 2, BAR, max(self.height() - high, 1))
        painter.fillRect(bar, QColor(theme().raised))
        low = -1 if self.scale.is_difference else 0
        ramp = np.linspace(1, low, 64, dtype=np.float32)[:, None]
        painter.drawImage(bar, difference_of(ramp) if self.scale.is_difference else heat_of(ramp))
        painter.setPen(QColor(theme().muted))
        for place, text in self.labels():
            y = bar.bottom() - place * bar.height()
            painter.drawText(QRectF(BAR + 5, y - high / 2, self.width(), high), Qt.AlignmentFlag.AlignVCenter, text)
        if self.at is not None:
            y = bar.bottom() - self._place(self.at) * bar.height()
            painter.fillRect(QRectF(0, y - 1, BAR, 2), QColor(theme().text))
        painter.end()


def percent(share: float) -> str:
    """A share as it is read."""
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
