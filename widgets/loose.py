"""Containers that do not force their own size on the window: what they hold may be scrolled, elided or covered."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QSplitter, QStackedWidget, QWidget


class LooseStack(QStackedWidget):
    """A stack whose hidden pages do not make the window larger."""

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)


class LooseSplitter(QSplitter):
    """A splitter that can be narrower than its parts would like."""

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 120)


class LooseLabel(QLabel):
    """One line that takes the room there is and is cut where there is less; the whole of it is in the tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        room = self.contentsRect()
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()
