"""The first rows of the table that a source reads, under the settings that name its columns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from widgets.look.language import said, tr
from widgets.look.plain import plain_tip

WIDEST = 160  # pixels of a column


class TablePreview(QWidget):
    """A heading and a few rows; or why there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading, self.table = QLabel(), QTableWidget()
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        self.heading.setWordWrap(True)
        self.heading.setProperty("muted", True)
        self.table.setAccessibleName(tr("First rows of the table"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.heading)
        column.addWidget(self.table)
        self.hide()

    def show_rows(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """These columns of the table called ``name``."""
        self.heading.setText(tr("First rows of {table}", table=name))
        self.table.setColumnCount(len(columns))
        self.table.setRowCount(len(rows))
        for place, title in enumerate(columns):
            self.table.setHorizontalHeaderItem(place, _item(title))
        for line, cells in enumerate(rows):
            for place, cell in enumerate(cells):
                self.table.setItem(line, place, _item(cell))
        self.table.resizeColumnsToContents()
        for place in range(len(columns)):
            self.table.setColumnWidth(place, min(WIDEST, self.table.columnWidth(place) + 8))
        bars = self.table.horizontalHeader().sizeHint().height() + self.table.horizontalScrollBar().sizeHint().height()
        self.table.setFixedHeight(bars + 24 * len(rows) + 4)
        self.table.show()
        self.show()

    def show_refusal(self, sentence: str) -> None:
        """Why no table can be shown; empty shows nothing at all."""
        self.heading.setText(said(sentence))
        self.table.hide()
        self.setVisible(bool(sentence))


def _item(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(plain_tip(text))
    return item
