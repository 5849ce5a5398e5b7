"""Where runs are kept: a file, or a database of a server by its URL. Nothing is opened here; a wish is announced."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.look.files import open_file, open_folder
from widgets.look.language import tr

EXAMPLE = "postgresql+psycopg://user@host:5432/database"


@dataclass(frozen=True, kw_only=True)
class WantedStore:
    """What a person wants to open."""

    place: str  # a path or a URL
    files: str = ""  # a folder for large files of a URL
    password: str = field(default="", repr=False)
    keep: bool = False  # from the next start on, too


class StoreSheet(QDialog):
    """Asks for a place; stays until it was opened, so that a mistake can be mended."""

    wanted = Signal(object)  # WantedStore

    def __init__(self, place: str, files: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Open a store of runs"))
        self.place, self.files, self.password = QLineEdit(place), QLineEdit(files), QLineEdit()
        self.keep, self.problem = QCheckBox(tr("Open it at every start")), QLabel()
        self._file, self._folder = QPushButton(tr("File…")), QPushButton(tr("Folder…"))
        self._told, self._of_files = QLabel(), QLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._lay_out()
        self._file.clicked.connect(self._choose_file)
        self._folder.clicked.connect(self._choose_folder)
        self.place.textChanged.connect(self._refresh)
        self.buttons.accepted.connect(self._announce)
        self.buttons.rejected.connect(self.reject)
        self._refresh()

    def _lay_out(self) -> None:
        self.setMinimumWidth(620)
        self.place.setPlaceholderText(EXAMPLE)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        form = QFormLayout()
        for words, edit, button in (
            (tr("File or URL"), self.place, self._file),
            (tr("Folder for large files"), self.files, self._folder),
            (tr("Password"), self.password, None),
        ):
            edit.setAccessibleName(words)
            row = QHBoxLayout()
            row.addWidget(edit, 1)
            if button is not None:
                row.addWidget(button)
            form.addRow(words, row)
        self._of_files.setText(
            tr(
                "Checkpoints lie in this folder. Machines that are to go on with each other's runs need one that they share."
            )
        )
        self._told.setText(
            tr(
                "The password is used for this window and never kept. A lasting one belongs into ~/.pgpass, or into a file named by PGPASSFILE."
            )
        )
        column = QVBoxLayout(self)
        column.addLayout(form)
        for label in (self._of_files, self._told, self.problem):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        for label in (self._of_files, self._told):
            label.setProperty("muted", True)
        column.addWidget(self.keep)
        column.addWidget(self.buttons)

    def show_problem(self, sentence: str) -> None:
        """Why it could not be opened."""
        self.problem.setText(sentence)
        self._open_button().setEnabled(bool(self.place.text().strip()))

    def _refresh(self) -> None:
        """A file has its large files beside it, and no password."""
        by_url = "://" in self.place.text() and not self.place.text().startswith("sqlite:")
        for widget in (self.files, self._folder, self.password):
            widget.setEnabled(by_url)
        self.show_problem("")

    def _announce(self) -> None:
        self._open_button().setEnabled(False)
        by_url = self.password.isEnabled()
        self.problem.setText(tr("Opening…"))
        self.wanted.emit(
            WantedStore(
                place=self.place.text().strip(), files=self.files.text().strip() if by_url else "",
                password=self.password.text() if by_url else "", keep=self.keep.isChecked(),
            )
        )  # fmt: skip

    def _open_button(self) -> QPushButton:
        return self.buttons.button(QDialogButtonBox.StandardButton.Open)

    def _choose_file(self) -> None:
        if path := open_file(self, tr("Open a store of runs"), tr("Stores (*.db *.sqlite)"), what="store"):
            self.place.setText(path)

    def _choose_folder(self) -> None:
        if path := open_folder(self, tr("Folder for large files"), what="store files"):
            self.files.setText(path)
