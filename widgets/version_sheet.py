"""The versions of a document: when each was kept and why, how it differs from what is on the canvas, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.sketch import Sketch
from widgets.look.graph_sketch import GraphSketch
from widgets.look.language import said, tr

LIST = 260  # pixels


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """One line of the list."""

    when: str
    why: str
    differs: str  # from what is on the canvas, in short


class VersionSheet(QDialog):
    """A list, the difference drawn and told, Open and Restore."""

    chosen = Signal(int)  # answer with show_difference or show_refusal
    openRequested = Signal(int)
    restoreRequested = Signal(int)

    def __init__(self, name: str, rows: Sequence[VersionRow], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Versions of {name}", name=name))
        self.list, self.sketch, self.words, self.lead = QListWidget(), GraphSketch(), QPlainTextEdit(), QLabel()
        self.open_it, self.restore = QPushButton(tr("Open in a tab")), QPushButton(tr("Restore"))
        self.restore.setToolTip(tr("Put it on the canvas; one step to undo."))
        self.lead.setWordWrap(True)
        self.lead.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setReadOnly(True)
        self.words.setAccessibleName(tr("What differs, in words"))
        self.list.setAccessibleName(tr("Versions"))
        self._lay_out()
        for row in rows:
            item = QListWidgetItem(f"{row.when} · {row.why}\n{row.differs}", self.list)
            item.setSizeHint(QSize(LIST - 20, 2 * self.fontMetrics().lineSpacing() + 10))
        self.list.currentRowChanged.connect(self._choose)
        self.list.itemActivated.connect(lambda _: self.openRequested.emit(self.list.currentRow()))
        self.open_it.clicked.connect(lambda: self.openRequested.emit(self.list.currentRow()))
        self.restore.clicked.connect(lambda: self.restoreRequested.emit(self.list.currentRow()))
        if not rows:
            self.lead.setText(tr("No version is kept yet: one is whenever the document is saved or run."))
        self._enable(False)
        self.resize(940, 560)

    def _lay_out(self) -> None:
        right, split, buttons = QWidget(), QSplitter(), QHBoxLayout()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.lead)
        column.addWidget(self.sketch, 3)
        column.addWidget(self.words, 2)
        split.addWidget(self.list)
        split.addWidget(right)
        split.setSizes([LIST, 640])
        buttons.addStretch(1)
        for button in (self.open_it, self.restore):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        whole = QVBoxLayout(self)
        whole.addWidget(split, 1)
        whole.addLayout(buttons)

    def _choose(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(row)

    def show_difference(self, sketch: Sketch, words: str) -> None:
        """From the version to what is on the canvas."""
        self.lead.setText(tr("What was changed since then: green came, red went, amber is set otherwise."))
        self.sketch.show_sketch(sketch, words)
        self.words.setPlainText(words)
        self._enable(True)

    def show_refusal(self, sentence: str) -> None:
        """Why this one cannot be read."""
        self.lead.setText(said(sentence))
        self.sketch.show_sketch(Sketch())
        self.words.setPlainText("")
        self._enable(False)

    def _enable(self, on: bool) -> None:
        for button in (self.open_it, self.restore):
            button.setEnabled(on)
