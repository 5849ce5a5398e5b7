"""Yes or no, as a switch."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import Field, fields
from widgets.look.theme import theme


class Switch(QAbstractButton):
    """A sliding switch."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        return QSize(34, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, on = theme(), self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(colours.accent if self.hasFocus() or on else colours.muted))
        painter.setBrush(QColor(colours.accent if on else colours.raised))
        painter.drawRoundedRect(QRectF(1, 2, 32, 16), 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.on_accent if on else colours.muted))
        painter.drawEllipse(QRectF(19 if on else 4, 5, 10, 10))


@fields.register("switch")
class SwitchField(Field):
    """A switch at the left of its room."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self.switch = Switch()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.addWidget(self.switch)
        layout.addStretch(1)
        self.setFocusProxy(self.switch)
        self.switch.clicked.connect(lambda: self.offer(self.switch.isChecked()))

    def set_value(self, value: Value) -> None:
        self.switch.setChecked(bool(value))
        self.switch.update()
