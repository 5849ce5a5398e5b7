"""A file or a folder: typed, or chosen from the disk."""

from __future__ import annotations

from PySide6.QtWidgets import QToolButton, QWidget

from core.knobs import Knob, Value
from widgets.inspector.fields.field import fields
from widgets.inspector.fields.text import TextField
from widgets.look.files import open_file, open_folder
from widgets.look.language import tr
from widgets.look.plain import plain_tip


@fields.register("file")
class FileField(TextField):
    """A file."""

    def __init__(self, knob: Knob, parent: QWidget | None = None) -> None:
        super().__init__(knob, parent)
        self.edit.setPlaceholderText(tr("none chosen"))
        self.button = QToolButton()
        self.button.setText("…")
        self.button.setToolTip(tr("Choose from the disk"))
        self.button.clicked.connect(self.browse)
        self.line.addWidget(self.button)

    def set_value(self, value: Value) -> None:
        """The end of a path tells most; the whole of it is in the tool tip."""
        super().set_value(value)
        self.edit.setCursorPosition(len(self.edit.text()))
        self.edit.setToolTip(plain_tip(self.edit.text()))

    def ask(self) -> str:
        """Let the person choose; empty where nothing was chosen."""
        return open_file(self, tr(self.knob.title), what="data", start=self.edit.text())

    def browse(self) -> None:
        """Choose and announce."""
        if path := self.ask():
            self.edit.setText(path)
            self.offer(path)


@fields.register("folder")
class FolderField(FileField):
    """A folder."""

    def ask(self) -> str:
        return open_folder(self, tr(self.knob.title), what="data", start=self.edit.text())
