"""Runs of other programs: a folder is chosen, what was found there is listed with what it lacks, and what is ticked is imported.

Nothing is read here; wishes are announced, and whoever reads tells how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.look.files import open_file, open_folder
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip

STEPS = 1000  # of the bar
NUMBER = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, kw_only=True)
class RecordRow:
    """A run that can be imported."""

    name: str
    kind: str
    group: str
    values: int
    figures: int
    others: int
    settings: int
    remarks: tuple[str, ...] = ()
    known: bool = False  # whether the library has it already


class RecordsSheet(QDialog):
    """Looks like a list of parcels: what is in each, and whether it is taken."""

    lookRequested = Signal(str)  # path
    importRequested = Signal(tuple)  # numbers of rows
    cancelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Import runs"))
        self.resize(920, 560)
        self.setAcceptDrops(True)
        self.place, self.state, self.bar = QLabel(), QLabel(), QProgressBar()
        self.folder, self.file = QPushButton(tr("Folder…")), QPushButton(tr("File…"))
        self.list = QTreeWidget()
        self.take, self.cancel = QPushButton(tr("Import")), QPushButton()
        self._busy = False
        self._lay_out()
        self.folder.clicked.connect(self._choose_folder)
        self.file.clicked.connect(self._choose_file)
        self.take.clicked.connect(lambda: self.importRequested.emit(self.ticked()))
        self.cancel.clicked.connect(self.reject)
        self.list.itemChanged.connect(lambda *_: self._refresh())
        self.show_idle("")

    def _lay_out(self) -> None:
        told = QLabel(
            tr(
                "Runs of TensorBoard, MLflow, W&B (offline), trackio and Lightning (CSV) become runs of this library, with their curves, settings, images, audio and histograms. Files are only read; nothing in them is run. A second import adds only what is new."
            )
        )
        told.setProperty("muted", True)
        for label in (told, self.place, self.state):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.place.setText(tr("Choose a folder or a file, or drop one here."))
        self.list.setAccessibleName(tr("Runs that were found"))
        heads = [tr("Run"), tr("Kind"), tr("Project"), tr("Values"), tr("Figures"), tr("Others"), tr("Settings")]
        self.list.setHeaderLabels(heads)
        self.list.headerItem().setToolTip(5, tr("Images, audio, histograms and texts"))
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setStretchLastSection(False)
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress"))
        self.take.setDefault(True)
        top, bottom, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        top.addWidget(self.place, 1)
        top.addWidget(self.folder)
        top.addWidget(self.file)
        bottom.addWidget(self.state, 1)
        bottom.addWidget(self.take)
        bottom.addWidget(self.cancel)
        column.setSpacing(10)
        column.addWidget(told)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        column.addWidget(self.bar)
        column.addLayout(bottom)

    # What is shown

    def show_busy(self, words: str, share: float) -> None:
        """Somebody reads: how far, and what."""
        self._busy = True
        self.bar.setValue(round(STEPS * min(max(share, 0.0), 1.0)))
        self.state.setText(words)
        self._refresh()

    def show_idle(self, words: str) -> None:
        """Nobody reads; ``words`` say what came of it."""
        self._busy = False
        self.state.setText(words)
        self._refresh()

    def show_place(self, path: str) -> None:
        """Where is looked."""
        self.place.setText(path)
        self.list.clear()

    def show_rows(self, rows: Sequence[RecordRow], problems: Sequence[str]) -> None:
        """What was found; what could not be read stands first."""
        self.list.clear()
        if problems:
            top = QTreeWidgetItem([tr("About the files")])
            for sentence in problems:
                self._under(top, said(sentence))
            self.list.addTopLevelItem(top)
            top.setExpanded(True)
        for number, row in enumerate(rows):
            self.list.addTopLevelItem(self._item(number, row))
        for column in range(1, self.list.columnCount()):
            self.list.resizeColumnToContents(column)
        for place in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(place)
            for under in (item.child(inside) for inside in range(item.childCount())):
                under.setFirstColumnSpanned(True)
        self._refresh()

    def _item(self, number: int, row: RecordRow) -> QTreeWidgetItem:
        counts = (row.values, row.figures, row.others, row.settings)
        name = tr("{name} (in the library)", name=row.name) if row.known else row.name
        item = QTreeWidgetItem([name, row.kind, row.group, *(f"{count:,}" for count in counts)])
        for column in range(3, 7):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setCheckState(0, Qt.CheckState.Checked)
        item.setData(0, NUMBER, number)
        for sentence in row.remarks:
            self._under(item, said(sentence))
        return item

    def _under(self, item: QTreeWidgetItem, sentence: str) -> None:
        under = QTreeWidgetItem([sentence])
        under.setToolTip(0, plain_tip(sentence))
        under.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        item.addChild(under)

    def ticked(self) -> tuple[int, ...]:
        """Numbers of the rows that are to be imported."""
        items = (self.list.topLevelItem(place) for place in range(self.list.topLevelItemCount()))
        return tuple(
            item.data(0, NUMBER) for item in items
            if item.data(0, NUMBER) is not None and item.checkState(0) == Qt.CheckState.Checked
        )  # fmt: skip

    def _refresh(self) -> None:
        self.bar.setVisible(self._busy)
        for button in (self.folder, self.file):
            button.setEnabled(not self._busy)
        self.list.setEnabled(not self._busy)
        self.take.setEnabled(not self._busy and bool(self.ticked()))
        self.cancel.setText(tr("Cancel") if self._busy else tr("Close"))

    # What a person does

    def _choose_folder(self) -> None:
        if path := open_folder(self, tr("A folder with records of runs"), what="records"):
            self.lookRequested.emit(path)

    def _choose_file(self) -> None:
        kinds = tr("Records (*.db *.sqlite *.sqlite3 *.wandb *.csv *tfevents*)")
        if path := open_file(self, tr("A file with records of runs"), kinds, what="records"):
            self.lookRequested.emit(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A folder or a file of this machine."""
        if not self._busy and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """It is looked at."""
        path = next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), "")
        if path and not self._busy:
            event.acceptProposedAction()
            self.lookRequested.emit(path)

    def reject(self) -> None:
        """Esc or Cancel: first what is read is left, then the sheet."""
        if self._busy:
            self.cancelRequested.emit()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Who closes it wants nothing more read."""
        self.cancelRequested.emit()
        self._busy = False
        super().closeEvent(event)
