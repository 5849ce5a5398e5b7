"""Variants side by side: a column each, the baseline first; what differs from it stands out, and both graphs are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.sketch import Sketch
from widgets.look.graph_sketch import GraphSketch
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

FIRST = 2  # columns before those of the variants


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting, wire or score with its value in every variant."""

    where: str
    what: str
    values: tuple[str, ...]
    is_score: bool = False


class VariantSheet(QDialog):
    """A table to read, two graphs, and another baseline on a click."""

    chosen = Signal(int)  # a variant; answer with show_sketches
    baselineRequested = Signal(int)
    openRequested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Variants"))
        self.table, self.lead = QTableWidget(), QLabel()
        self.left, self.right = GraphSketch(), GraphSketch()
        self.names = QLabel(), QLabel()
        self.baseline, self.open_it = QPushButton(tr("Make this the baseline")), QPushButton(tr("Go to it"))
        self._names: list[str] = []
        self._at = 0
        for label in (self.lead, *self.names):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.table.setAccessibleName(tr("What differs between the variants"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.currentCellChanged.connect(lambda row, column, *_: self._choose(column - FIRST))
        self.table.horizontalHeader().sectionClicked.connect(lambda column: self._choose(column - FIRST))
        self.baseline.clicked.connect(lambda: self.baselineRequested.emit(self._at))
        self.open_it.clicked.connect(lambda: self.openRequested.emit(self._at))
        self._lay_out()
        self.resize(1000, 640)

    def _lay_out(self) -> None:
        graphs, buttons, whole = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        for label, sketch in zip(self.names, (self.left, self.right), strict=True):
            column = QVBoxLayout()
            column.addWidget(label)
            column.addWidget(sketch, 1)
            graphs.addLayout(column, 1)
        buttons.addStretch(1)
        for button in (self.baseline, self.open_it):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        whole.addWidget(self.lead)
        whole.addWidget(self.table, 2)
        whole.addLayout(graphs, 2)
        whole.addLayout(buttons)

    def show_rows(self, names: Sequence[str], rows: Sequence[Row]) -> None:
        """The variants by name, the baseline first, and what is not the same in all."""
        self._names = list(names)
        self.table.setColumnCount(FIRST + len(names))
        self.table.setRowCount(len(rows))
        heads = [tr("Where"), tr("What"), *names]
        for column, head in enumerate(heads):
            item = QTableWidgetItem(tr("{name} (baseline)", name=head) if column == FIRST else head)
            item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self.table.setHorizontalHeaderItem(column, item)
        for place, row in enumerate(rows):
            for column, words in enumerate((row.where, row.what, *row.values)):
                self.table.setItem(place, column, self._cell(row, column, words))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        differ = sum(not row.is_score for row in rows)
        if len(names) < 2:
            self.lead.setText(tr("One document is open. New variant puts a second form of it into a tab beside it."))
        else:
            self.lead.setText(tr("{n} settings and wires are not the same in all; scores are those of each one's newest run.", n=differ))  # fmt: skip
        self._choose(1 if len(names) > 1 else 0)

    def _cell(self, row: Row, column: int, words: str) -> QTableWidgetItem:
        item = QTableWidgetItem(words)
        item.setToolTip(plain_tip(words))
        if column > FIRST and not row.is_score and words != row.values[0]:
            item.setForeground(QColor(theme().warning))
            font = item.font()
            font.setBold(True)
            item.setFont(font)
        return item

    def _choose(self, number: int) -> None:
        if not 0 <= number < len(self._names):
            return
        self._at = number
        self.baseline.setEnabled(number > 0)
        self.names[0].setText(tr("{name} (baseline)", name=self._names[0]))
        self.names[1].setText(self._names[number])
        self.chosen.emit(number)

    def show_sketches(self, baseline: Sketch, other: Sketch, words: str) -> None:
        """The baseline as it is, and another with what differs."""
        self.left.show_sketch(baseline)
        self.right.show_sketch(other, words)
        self.right.setToolTip(plain_tip(words))
