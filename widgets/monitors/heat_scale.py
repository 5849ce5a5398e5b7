"""The scale beside an attention map: which colour is which share, in numbers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.language import tr
from widgets.look.pictures import heat_of
from widgets.look.theme import theme

BAR, TICKS = 10, 3


class HeatScale(QWidget):
    """A bar from nothing to the greatest weight, with what the extreme and the middle are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.highest = 0.0
        self.at: float | None = None  # the weight under the mouse
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setToolTip(tr("Share of the attention; colours reach from 0 to the greatest of this map"))

    def show_range(self, highest: float) -> None:
        """The greatest weight that is drawn."""
        if highest != self.highest:
            self.highest = highest
            self.update()

    def show_value(self, value: float | None) -> None:
        """Mark the weight under the mouse."""
        if value != self.at:
            self.at = value
            self.update()

    def labels(self) -> list[tuple[float, str]]:
        """Places along the bar, 0 at its foot, and the share there."""
        return [(n / (TICKS - 1), percent(self.highest * n / (TICKS - 1))) for n in range(TICKS)]

    def sizeHint(self) -> QSize:
        return QSize(BAR + 10 + self.fontMetrics().horizontalAdvance("00.0 %"), 90)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.highest <= 0:
            return
        painter = QPainter(self)
        high = self.fontMetrics().height()
        bar = QRectF(0, high / 2, BAR, max(self.height() - high, 1))
        painter.fillRect(bar, QColor(theme().raised))
        painter.drawImage(bar, heat_of(np.linspace(1, 0, 64, dtype=np.float32)[:, None]))
        painter.setPen(QColor(theme().muted))
        for place, text in self.labels():
            y = bar.bottom() - place * bar.height()
            painter.drawText(QRectF(BAR + 5, y - high / 2, self.width(), high), Qt.AlignmentFlag.AlignVCenter, text)
        if self.at is not None:
            y = bar.bottom() - min(max(self.at / self.highest, 0.0), 1.0) * bar.height()
            painter.fillRect(QRectF(0, y - 1, BAR, 2), QColor(theme().text))
        painter.end()


def percent(share: float) -> str:
    """A share as it is read."""
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
