"""A column of a table: picked from those the table has, or typed where it is not known yet."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import Field, fields
from widgets.inspector.fields.text import LONGEST


@fields.register("column")
class ColumnField(Field):
    """A box of columns that takes any text; empty leaves the choice to the source."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self._value = ""
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setMinimumContentsLength(6)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.edit = self.box.lineEdit()
        self.edit.setMaxLength(LONGEST)
        self.box.completer().setCaseSensitivity(Qt.CaseSensitivity.CaseSensitive)  # columns may differ in case alone
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        self.setFocusProxy(self.box)
        self.box.installEventFilter(self)
        self.box.activated.connect(lambda index: self._take(self.box.itemText(index)))
        self.edit.editingFinished.connect(lambda: self._take(self.edit.text()))

    def offer_columns(self, names: Sequence[str]) -> None:
        """The columns there are; what is written stays."""
        wanted = ["", *names] if names else []
        if wanted == [self.box.itemText(index) for index in range(self.box.count())]:
            return
        text = self.edit.text()
        self.box.clear()
        self.box.addItems(wanted)
        self.box.setCurrentIndex(self.box.findText(text, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchCaseSensitive))
        self.edit.setText(text)

    def set_value(self, value: Value) -> None:
        self._value = "" if value is None else str(value)
        if not (self.box.hasFocus() and self.edit.isModified()):
            self.edit.setText(self._value)
            self.edit.setCursorPosition(0)

    def _take(self, text: str) -> None:
        self.edit.setModified(False)
        if text != self._value:
            self._value = text
            self.offer(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Scrolling a form over the box must not change it."""
        if event.type() == QEvent.Type.Wheel and not self.box.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)
