"""The sheet of a person's own blocks: each file with its place, its hash and its text, to be looked at and then allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.look.files import open_folder
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

SHORT = 12  # characters of a hash in the list


@dataclass(frozen=True, kw_only=True)
class OwnRow:
    """One file as it lies there."""

    name: str
    path: str
    state: str  # allowed, new, changed, refused, broken
    sha256: str = ""
    text: str = ""
    why: str = ""


class OwnBlocksSheet(QDialog):
    """Shows the files; says what a person wants done with them."""

    switched = Signal(bool)
    folderChosen = Signal(str)  # empty: the usual one
    allowRequested = Signal(str, str)  # name, the hash that was looked at
    forbidRequested = Signal(str)
    newRequested = Signal(str)
    lookRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Own blocks"))
        self.resize(980, 640)
        self._rows: tuple[OwnRow, ...] = ()
        self.switch = QCheckBox(tr("Load my own blocks"))
        self.folder, self.problem, self.about = QLabel(), QLabel(), QLabel()
        self.list, self.text = QTreeWidget(), QPlainTextEdit()
        self.choose, self.usual = QPushButton(tr("Choose folder…")), QPushButton(tr("Usual folder"))
        self.allow, self.forbid = QPushButton(tr("Allow this file")), QPushButton(tr("Forbid"))
        self.new, self.look = QPushButton(tr("New block…")), QPushButton(tr("Look again"))
        self._lay_out()
        self._bind()

    def _lay_out(self) -> None:
        told = QLabel(
            tr(
                "A block of your own is a Python file. It can do whatever you can do on this machine, so it runs only once you have allowed it, and only with the contents that you allowed. A file that has changed is asked for again."
            )
        )
        for label in (told, self.folder, self.problem, self.about):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.folder, self.about, self.problem):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        told.setProperty("muted", True)
        self.problem.setStyleSheet(f"color: {theme().bad};")
        self.list.setHeaderLabels([tr("Block"), tr("State"), "SHA-256"])
        self.list.setRootIsDecorated(False)
        self.list.setAccessibleName(tr("Own blocks"))
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.text.setReadOnly(True)
        self.text.setAccessibleName(tr("Contents of the file"))
        self.text.setStyleSheet("font-family: monospace;")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(10, 0, 0, 0)
        for part in (self.about, self.text, row(self.allow, self.forbid)):
            beside.addWidget(part, int(part is self.text))
        halves = QSplitter()
        halves.addWidget(self.list)
        halves.addWidget(right)
        halves.setSizes([400, 580])
        column = QVBoxLayout(self)
        column.setSpacing(10)
        for part in (told, row(self.switch), row(self.folder, self.choose, self.usual), self.problem, halves):
            column.addWidget(part, int(part is halves))
        column.addWidget(row(self.new, self.look))

    def _bind(self) -> None:
        self.switch.clicked.connect(self.switched)
        self.choose.clicked.connect(self._choose)
        self.usual.clicked.connect(lambda: self.folderChosen.emit(""))
        self.allow.clicked.connect(self._allow)
        self.forbid.clicked.connect(lambda: self.forbidRequested.emit(self.chosen().name))
        self.new.clicked.connect(self._name)
        self.look.clicked.connect(self.lookRequested)
        self.list.currentItemChanged.connect(lambda *_: self._show_chosen())

    def show_rows(self, on: bool, folder: str, rows: Sequence[OwnRow], problem: str = "") -> None:
        """How it stands now; the row that was chosen stays so."""
        chosen = self.list.currentIndex().row()
        self._rows = tuple(rows)
        self.switch.setChecked(on)
        self.folder.setText(tr("Folder: {folder}", folder=folder))
        self.show_problem(problem)
        self.list.clear()
        for each in self._rows:
            item = QTreeWidgetItem(self.list, [each.name, state_word(each.state), each.sha256[:SHORT]])
            item.setToolTip(0, plain_tip(each.path))
        for number in (1, 2):
            self.list.resizeColumnToContents(number)
        if self._rows:
            self.list.setCurrentItem(self.list.topLevelItem(min(max(chosen, 0), len(self._rows) - 1)))
        self._show_chosen()

    def show_problem(self, sentence: str) -> None:
        """Why something could not be done; nothing where all is well."""
        self.problem.setText(said(sentence))
        self.problem.setVisible(bool(sentence))

    def chosen(self) -> OwnRow | None:
        """The file that is looked at."""
        number = self.list.currentIndex().row()
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def _show_chosen(self) -> None:
        row_ = self.chosen()
        if row_ is None:
            self.about.setText(tr("There are none in this folder. New block… writes one that works, with its tests."))
        else:
            lines = [
                "" if row_.path in row_.why else row_.path,
                f"SHA-256 {row_.sha256}" if row_.sha256 else "",
                said(row_.why),
            ]
            self.about.setText("\n".join(filter(None, lines)))
        self.text.setPlainText(row_.text if row_ else "")
        self.allow.setEnabled(row_ is not None and row_.state in ("new", "changed"))
        self.forbid.setEnabled(row_ is not None and row_.state in ("allowed", "changed", "broken"))

    def _allow(self) -> None:
        row_ = self.chosen()
        if row_ is not None:
            self.allowRequested.emit(row_.name, row_.sha256)

    def _choose(self) -> None:
        if folder := open_folder(self, tr("Folder of own blocks"), what="own blocks"):
            self.folderChosen.emit(folder)

    def _name(self) -> None:
        name, wanted = QInputDialog.getText(self, tr("New block"), tr("Name: small letters, digits and underscores"))
        if wanted and name.strip():
            self.newRequested.emit(name.strip())


def state_word(state: str) -> str:
    """How a file stands."""
    return {
        "allowed": tr("allowed"), "new": tr("not allowed yet"), "changed": tr("not as allowed"), "refused": tr("refused"),
        "broken": tr("broken"),
    }[state]  # fmt: skip


def row(*widgets: QWidget) -> QWidget:
    """Side by side, from the left; a label takes what is left over."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, int(isinstance(widget, QLabel)))
    if not any(isinstance(widget, QLabel) for widget in widgets):
        layout.addStretch(1)
    return made
