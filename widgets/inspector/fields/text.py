"""A line of text."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import Field, fields
from widgets.look.language import tr

LONGEST = 4096


@fields.register("text")
class TextField(Field):
    """Free text, sent when it is finished."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self.edit = QLineEdit()
        self.edit.setMaxLength(LONGEST)
        self.edit.setMinimumWidth(60)
        self.edit.setPlaceholderText(tr("automatic") if knob.optional else "")
        self.line = QHBoxLayout(self)
        self.line.setContentsMargins(0, 0, 0, 0)
        self.line.setSpacing(4)
        self.line.addWidget(self.edit, 1)
        self.setFocusProxy(self.edit)
        self.edit.editingFinished.connect(self._finish)

    def set_value(self, value: Value) -> None:
        if not (self.edit.hasFocus() and self.edit.isModified()):
            self.edit.setText("" if value is None else str(value))
            self.edit.setCursorPosition(0)

    def _finish(self) -> None:
        if self.edit.isModified():
            self.edit.setModified(False)
            text = self.edit.text()
            self.offer(None if self.knob.optional and not text.strip() else text)
