"""One of a few words."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import Field, fields
from widgets.look.language import tr


@fields.register("choice")
class ChoiceField(Field):
    """A box of choices."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self.box = QComboBox()
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setMinimumContentsLength(6)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if knob.optional:
            self.box.addItem(tr("automatic"), None)
        for choice in knob.choices:
            self.box.addItem(tr(choice), choice)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.box.installEventFilter(self)
        self.box.activated.connect(lambda index: self.offer(self.box.itemData(index)))

    def set_value(self, value: Value) -> None:
        self.box.setCurrentIndex(self.box.findData(value))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Scrolling a form over the box must not change it."""
        if event.type() == QEvent.Type.Wheel and not self.box.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
