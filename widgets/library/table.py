"""Runs as a table: the model of every run, and the chip that shows a status."""

from __future__ import annotations

import csv
import io
import operator
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)  # fmt: skip
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from core.exploring.fields import Field, Value, field_in
from core.exploring.ledger import Values
from core.store.answers import RunFacts
from widgets.library.columns import FIXED, Column, columns_for, metrics_of, status_text, usual_columns
from widgets.library.setting_names import Titles
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

Index = QModelIndex | QPersistentModelIndex
RANK = Qt.ItemDataRole.UserRole + 1
RUN = Qt.ItemDataRole.UserRole + 2
NOWHERE = QModelIndex()


class RunTable(QAbstractTableModel):
    """One row a run. An edit is a wish: the row changes when the store has it."""

    renameRequested = Signal(str, str)  # uid, name
    tagsRequested = Signal(str, tuple)  # uid, tags
    notesRequested = Signal(str, str)  # uid, notes

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[RunFacts, ...] = ()
        self._names: dict[str, str] = {}  # by uid
        self._rows: dict[str, int] = {}  # by uid
        self._chosen: tuple[str, ...] | None = None  # keys of columns; None: those that are most worth one
        self._values, self._titles = Values(), Titles()
        self._columns: tuple[Column, ...] = columns_for(usual_columns(()), self.value, self._titles)

    def set_runs(self, runs: Sequence[RunFacts]) -> None:
        """Show these; the same runs in the same order keep selection and editing."""
        new = tuple(run for run in runs if not run.deleted)
        if len(new) == len(self._runs) and all(map(operator.is_, new, self._runs)):
            return
        self._names = {run.uid: run.name for run in runs}
        keys = usual_columns(metrics_of(new)) if self._chosen is None else self._chosen
        if keys != self.column_keys() and (self._chosen is not None or len(keys) > len(usual_columns(()))):
            self._rebuild(new, keys)
        elif [run.uid for run in new] == [run.uid for run in self._runs]:
            self._update(new)
        else:
            self.beginResetModel()
            self._take(new)
            self.endResetModel()

    def choose(self, keys: Sequence[str] | None) -> None:
        """Which columns there are, by key and in order; None: those that are most worth one."""
        self._chosen = None if keys is None else tuple(dict.fromkeys(("name", *keys)))
        wanted = usual_columns(metrics_of(self._runs)) if self._chosen is None else self._chosen
        if wanted != self.column_keys():
            self._rebuild(self._runs, wanted)

    def is_chosen(self) -> bool:
        """Whether a person chose the columns."""
        return self._chosen is not None

    def column_keys(self) -> tuple[str, ...]:
        """Which columns there are."""
        return tuple(column.key for column in self._columns)

    def fields(self) -> tuple[Field, ...]:
        """Settings and figures with a column, that have to be read for it."""
        found = (field_in(key) for key in self.column_keys() if key not in FIXED and not key.startswith("best:"))
        return tuple(field for field in found if field is not None)

    def set_values(self, values: Values, titles: Titles) -> None:
        """What was read of the runs, and what settings are called."""
        renamed = titles != self._titles
        self._values, self._titles = values, titles
        if renamed:
            self._rebuild(self._runs, self.column_keys())
        elif self._runs and self.fields():
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._runs) - 1, len(self._columns) - 1))

    def value(self, field: Field, run: RunFacts) -> Value:
        """A field of a run, as far as it was read."""
        return self._values.value(field, run)

    def row_of(self, uid: str) -> int:
        """Its row; -1 where there is no such run."""
        return self._rows.get(uid, -1)

    def runs(self) -> tuple[RunFacts, ...]:
        """Every run, unfiltered."""
        return self._runs

    def columns(self) -> tuple[Column, ...]:
        """What is shown of each."""
        return self._columns

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        run, column = self._runs[index.row()], self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(run)
        if role == Qt.ItemDataRole.EditRole:
            return run.notes if column.key == "notes" else column.text(run)
        if role == RANK:
            return column.rank(run)
        if role == RUN:
            return run
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(_tip(run, column, self._names.get(run.parent, "")))
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        run, key, text = self._runs[index.row()], self._columns[index.column()].key, str(value).strip()
        if key == "name" and text and text != run.name:
            self.renameRequested.emit(run.uid, text)
        elif key == "tags" and (tags := parse_tags(text)) != run.tags:
            self.tagsRequested.emit(run.uid, tags)
        elif key == "notes" and text != run.notes:
            self.notesRequested.emit(run.uid, text)
        return False  # the store answers with new facts

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        editable = index.isValid() and self._columns[index.column()].editable
        return flags | Qt.ItemFlag.ItemIsEditable if editable else flags

    def _rebuild(self, runs: tuple[RunFacts, ...], keys: Sequence[str]) -> None:
        self.beginResetModel()
        self._take(runs)
        self._columns = columns_for(keys, self.value, self._titles)
        self.endResetModel()

    def _take(self, runs: tuple[RunFacts, ...]) -> None:
        self._runs = runs
        self._rows = {run.uid: row for row, run in enumerate(runs)}

    def _update(self, new: tuple[RunFacts, ...]) -> None:
        """Tell only of rows that changed."""
        changed = [row for row, (old, now) in enumerate(zip(self._runs, new)) if old is not now and old != now]
        self._take(new)
        for row in changed:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(self._columns) - 1))


class StatusChip(QStyledItemDelegate):
    """A status as a coloured dot and a word."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        run = index.data(RUN)
        style = option.widget.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(option.rect).adjusted(6, 4, -4, -4)
        colour = QColor(status_colour(run.status))
        words = status_text(run)
        wide = min(place.width(), option.fontMetrics.horizontalAdvance(words) + 26)
        behind = QColor(theme().raised if option.state & QStyle.StateFlag.State_Selected else colour)
        behind.setAlpha(255 if option.state & QStyle.StateFlag.State_Selected else 38)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(behind)
        painter.drawRoundedRect(QRectF(place.left(), place.top(), wide, place.height()), 5, 5)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(place.left() + 6, place.center().y() - 3, 6, 6))
        painter.setPen(QColor(theme().text))
        painter.drawText(place.adjusted(17, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index) + QSize(24, 0)


def status_colour(status: str) -> str:
    """The colour of a status."""
    colours = theme()
    return {
        "running": colours.accent, "paused": colours.warning, "finished": colours.good, "failed": colours.bad,
        "diverged": colours.bad, "interrupted": colours.warning,
    }.get(status, colours.muted)  # fmt: skip


def parse_tags(text: str) -> tuple[str, ...]:
    """Tags between commas, each once."""
    return tuple(dict.fromkeys(tag for part in text.replace("，", ",").split(",") if (tag := part.strip())))


def csv_text(columns: Sequence[Column], runs: Sequence[RunFacts]) -> str:
    """The table as a file for a spreadsheet. A text that it would run as a formula is quoted."""
    head = [*(column.title for column in columns), "uid"]
    return rows_as_csv([head, *([*(column.text(run) for column in columns), run.uid] for run in runs)])


def rows_as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Rows for a spreadsheet."""
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t") or (text[:1] == "-" and not text[1:2].isdigit()) else text


def _tip(run: RunFacts, column: Column, parent: str) -> str:
    if column.key == "status" and run.reason:
        return said(run.reason)
    if column.key == "notes":
        return run.notes
    if column.key == "name" and parent:
        return tr(
            "{name}\nforked from {parent} at step {step}", name=run.name, parent=parent, step=f"{run.parent_step:,}"
        )
    if column.key == "name" and run.parent:
        return tr("continues another run from step {step}", step=f"{run.parent_step:,}")
    return column.text(run)


def _side(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
