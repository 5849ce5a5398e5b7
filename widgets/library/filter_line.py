"""The line in which a filter is written: what may come next is offered, and what is wrong is shown where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QCompleter, QLabel, QLineEdit, QVBoxLayout, QWidget

from core.exploring.fields import Field, Known, Value
from core.exploring.filtering import Condition, read_filter
from core.exploring.suggesting import Suggestion, suggestions
from core.exploring.tokens import Misread
from widgets.look.language import said, tr
from widgets.look.theme import look, theme

PAUSE = 250  # milliseconds after the last letter before it is filtered


class FilterLine(QWidget):
    """Announces a condition as soon as one can be read; while none can, the last one stays."""

    conditionChanged = Signal(object)  # Condition | None
    entered = Signal()  # the person is about to write: names are wanted

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field, self._wrong = QLineEdit(), QLabel()
        self._known = Known()
        self._values_of: Callable[[Field], Sequence[Value]] = lambda field: ()
        self._offered: list[Suggestion] = []
        self._condition: Condition | None = None
        self._model = QStringListModel(self)
        self._completer = QCompleter(self._model, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setWidget(self.field)
        self._completer.setMaxVisibleItems(12)
        self._pause = QTimer(self, singleShot=True, interval=PAUSE)
        self._lay_out()
        self.field.textEdited.connect(self._edited)
        self.field.textChanged.connect(lambda _: self._pause.start())
        self.field.returnPressed.connect(self.read)
        self._pause.timeout.connect(self.read)
        self._completer.activated.connect(self._insert)
        look.changed.connect(self._relook)

    def set_known(self, known: Known, values_of: Callable[[Field], Sequence[Value]]) -> None:
        """Which names there are, and which values runs have of them."""
        is_new = known != self._known
        self._known, self._values_of = known, values_of
        if is_new:
            self.read()
            if self.field.hasFocus() and self.text() and self.field.cursorPosition() == len(self.text()):
                self.offer()

    def text(self) -> str:
        """What is written."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Write another filter and apply it."""
        self.field.setText(text)
        self.read()

    def condition(self) -> Condition | None:
        """What is filtered by."""
        return self._condition

    def complaint(self) -> str:
        """What is wrong with the text; empty where nothing is."""
        return self._wrong.text()

    def read(self) -> None:
        """Read what is written now."""
        self._pause.stop()
        if self.text() and not self._known.scores and not self._known.settings:
            self.entered.emit()
            return  # it is read once names are known
        try:
            found = read_filter(self.text(), self._known)
        except Misread as wrong:
            problem = wrong.problems[0]
            self._wrong.setText(f"{wrong.pointed}\n{said(problem.what)} {said(problem.hint)}".rstrip())
            self._wrong.show()
            return
        self._wrong.hide()
        self._wrong.setText("")
        if found != self._condition:
            self._condition = found
            self.conditionChanged.emit(found)

    def _lay_out(self) -> None:
        self.field.setPlaceholderText(
            tr("Filter: {example}", example='r@10 > 0.4 and batch_size in (32, 64) and name ~ "clip"')
        )
        self.field.setAccessibleName(tr("Filter of runs"))
        self.field.setClearButtonEnabled(True)
        self._wrong.setTextFormat(Qt.TextFormat.PlainText)
        self._wrong.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._wrong.setWordWrap(True)
        self._wrong.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._wrong.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.field)
        column.addWidget(self._wrong)
        self._relook()

    def _edited(self, text: str) -> None:
        self.entered.emit()
        self.offer()

    def offer(self) -> None:
        """Show what may come next."""
        self._offered = suggestions(self.text(), self.field.cursorPosition(), self._known, self._values_of)
        self._model.setStringList([each.text for each in self._offered])
        if not self._offered:
            self._completer.popup().hide()
            return
        place = self.field.cursorRect()
        popup = self._completer.popup()
        place.setWidth(max(240, popup.sizeHintForColumn(0) + popup.verticalScrollBar().sizeHint().width() + 12))
        self._completer.complete(place)

    def offered(self) -> list[str]:
        """What is offered now."""
        return [each.text for each in self._offered]

    def _insert(self, text: str) -> None:
        found = next((each for each in self._offered if each.text == text), None)
        if found is None:
            return
        before, after = self.text()[: found.start], self.text()[found.end :]
        written = f"{before}{text}" + ("" if text.endswith("(") else " ")
        self.field.setText(written + after.lstrip())
        self.field.setCursorPosition(len(written))

    def _relook(self) -> None:
        self._wrong.setStyleSheet(f"color: {theme().warning};")
