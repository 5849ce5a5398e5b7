"""A number: typed with its unit, stepped with the arrows, or pulled along a thin bar under it."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import Field, fields
from widgets.look.language import tr
from widgets.look.quantities import number
from widgets.look.theme import theme


class Bar(QWidget):
    """Where a value lies in its range, in decades where that reads better; pull it to change the value."""

    pulled = Signal(float)

    def __init__(self, low: float, high: float, is_logarithmic: bool) -> None:
        super().__init__()
        self._low, self._high, self._is_logarithmic = low, high, is_logarithmic
        self._part = 0.0
        self.setFixedHeight(9)
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def _scaled(self, value: float) -> float:
        if self._is_logarithmic:
            floor = self._floor()
            return math.log(max(value, floor) / floor) / math.log(self._high / floor)
        return (value - self._low) / (self._high - self._low)

    def _floor(self) -> float:
        return self._low if self._low > 0 else self._high * 1e-7

    def show_value(self, value: float) -> None:
        """Put the mark there."""
        self._part = min(max(self._scaled(value), 0.0), 1.0)
        self.update()

    def value_at(self, x: float) -> float:
        """The value at a place of the bar."""
        part = min(max(x / max(self.width(), 1), 0.0), 1.0)
        if self._is_logarithmic:
            floor = self._floor()
            return float(floor * (self._high / floor) ** part)
        return self._low + (self._high - self._low) * part

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme().line))
        painter.drawRoundedRect(QRectF(0, 2, self.width(), 2.5), 1.2, 1.2)
        painter.setBrush(QColor(theme().accent))
        painter.drawRoundedRect(QRectF(0, 2, self.width() * self._part, 2.5), 1.2, 1.2)
        if self.underMouse():
            painter.drawEllipse(QRectF(self.width() * self._part - 4, 0, 7.5, 7.5))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pulled.emit(self.value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.pulled.emit(self.value_at(event.position().x()))


@fields.register("number")
class NumberField(Field):
    """A whole or a real number."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self._value: Value = knob.default
        self.edit, unit = QLineEdit(), QLabel(tr(knob.unit) if knob.unit else "")
        self.edit.setPlaceholderText(tr("automatic") if knob.optional else "")
        self.edit.setMinimumWidth(60)
        unit.setProperty("muted", True)
        unit.setTextFormat(Qt.TextFormat.PlainText)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.edit, 1)
        line.addWidget(unit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addLayout(line)
        self.bar: Bar | None = None
        if knob.low is not None and knob.high is not None and knob.high > knob.low:
            wide = (knob.low > 0 and knob.high / knob.low >= 100) or (knob.low >= 0 and knob.high >= 1e5)
            self.bar = Bar(knob.low, knob.high, knob.logarithmic or wide)
            self.bar.pulled.connect(self._pulled)
            layout.addWidget(self.bar)
        self.setFocusProxy(self.edit)
        self.edit.textEdited.connect(lambda text: self.offer_text(text, is_final=False))
        self.edit.editingFinished.connect(self._finish)
        self.edit.installEventFilter(self)

    def set_value(self, value: Value) -> None:
        self._value = value
        if not (self.edit.hasFocus() and self.edit.isModified()):
            self.edit.setText(
                "" if value is None else number(float(value)) if self.knob.kind == "number" else str(value)
            )
            self.refused.emit("")
        if self.bar is not None and isinstance(value, (int, float)):
            self.bar.show_value(float(value))

    def _finish(self) -> None:
        if self.edit.isModified():
            self.edit.setModified(not self.offer_text(self.edit.text(), is_final=True))

    def _pulled(self, value: float) -> None:
        rounded: Value = round(value) if self.knob.kind == "integer" else float(f"{value:.3g}")
        self._put(rounded)

    def _put(self, value: Value) -> None:
        low, high = self.knob.low, self.knob.high
        if isinstance(value, (int, float)):
            value = type(value)(min(max(value, low if low is not None else value), high if high is not None else value))
        if value != self._value:
            self.edit.setModified(False)
            self.set_value(value)
            self.offer(value)

    def step(self, by: int) -> None:
        """A step up or down: one for whole numbers, a tenth of a decade or a twentieth of the range for others."""
        now = self._value if isinstance(self._value, (int, float)) else self.knob.low or 0
        if self.knob.kind == "integer":
            self._put(int(now) + by)
        elif self.knob.logarithmic and now > 0:
            self._put(float(f"{now * 10 ** (by / 10):.3g}"))
        else:
            reach = (
                (self.knob.high - self.knob.low) / 20 if self.knob.low is not None and self.knob.high is not None else 1
            )
            self._put(float(f"{now + by * reach:.6g}"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down step; the wheel does while the field has the focus, so that scrolling a form changes nothing."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
                self.step(1 if event.key() == Qt.Key.Key_Up else -1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.edit.isModified():
                self.edit.setModified(False)
                self.set_value(self._value)
                return True
        if event.type() == QEvent.Type.Wheel and isinstance(event, QWheelEvent) and self.edit.hasFocus():
            self.step(1 if event.angleDelta().y() > 0 else -1)
            return True
        return super().eventFilter(watched, event)


@fields.register("integer")
class IntegerField(NumberField):
    """A whole number."""
