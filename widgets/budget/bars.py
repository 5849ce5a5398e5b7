"""A table whose last column is a bar: how much of the whole each row takes. A row may lead somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QTableWidget, QTableWidgetItem

from widgets.look.plain import plain_tip
from widgets.look.theme import theme

ROW, BAR, LEAST = 24, 8, 90  # pixels: a row, a bar's height, the column of bars at least
SHARE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: what its cells say, and its share of the whole (0 to 1)."""

    key: str
    cells: Sequence[str]
    share: float


class BarDelegate(QStyledItemDelegate):
    """Draws the share."""

    def paint(self, painter: QPainter, option: Any, index: Any) -> None:
        super().paint(painter, option, index)
        share = float(index.data(SHARE) or 0.0)
        place = QRectF(option.rect).adjusted(6, (option.rect.height() - BAR) / 2, -8, -(option.rect.height() - BAR) / 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme().line))
        painter.drawRoundedRect(place, 3, 3)
        if share > 0:
            place.setWidth(max(place.width() * min(share, 1.0), 2.0))
            painter.setBrush(QColor(theme().accent))
            painter.drawRoundedRect(place, 3, 3)
        painter.restore()


class BarTable(QTableWidget):
    """Rows with bars; a click, or Enter, tells the row's key."""

    rowChosen = Signal(str)

    def __init__(self, name: str, titles: Sequence[str]) -> None:
        super().__init__(0, len(titles) + 1)
        self._keys: list[str] = []
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels([*titles, ""])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setItemDelegateForColumn(len(titles), BarDelegate(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(len(titles), QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)
        for column in range(1, len(titles)):
            self.horizontalHeaderItem(column).setTextAlignment(
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setColumnWidth(len(titles), LEAST)
        self.cellActivated.connect(lambda row, _: self.rowChosen.emit(self._keys[row]))
        self.cellClicked.connect(lambda row, _: self.rowChosen.emit(self._keys[row]))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these."""
        self._keys = [row.key for row in rows]
        self.setRowCount(len(rows))
        last = self.columnCount() - 1
        for place, row in enumerate(rows):
            for column, words in enumerate(row.cells):
                item = QTableWidgetItem(words)
                item.setToolTip(plain_tip(words))
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(place, column, item)
            bar = QTableWidgetItem()
            bar.setData(SHARE, row.share)
            bar.setToolTip(plain_tip(f"{100 * row.share:.0f} %"))
            bar.setData(Qt.ItemDataRole.AccessibleTextRole, f"{100 * row.share:.0f} %")
            self.setItem(place, last, bar)
