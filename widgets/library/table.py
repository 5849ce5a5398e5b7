"""Runs as a table: the model, its filter, and the chip that shows a status."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)  # fmt: skip
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from core.store.answers import RunFacts
from widgets.library.columns import Column, columns_for, metrics_of, status_text
from widgets.library.lineage import Branch, tree
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
        self._metrics: tuple[str, ...] | None = None
        self._columns: tuple[Column, ...] = columns_for(())

    def set_runs(self, runs: Sequence[RunFacts]) -> None:
        """Show these; the same runs in the same order keep selection and editing."""
        new = tuple(run for run in runs if not run.deleted)
        self._names = {run.uid: run.name for run in runs}
        if self._metrics is None and (found := metrics_of(new)) and found != self._shown_metrics():
            self._rebuild(new, found)
        elif [run.uid for run in new] == [run.uid for run in self._runs]:
            self._update(new)
        else:
            self.beginResetModel()
            self._runs = new
            self.endResetModel()

    def set_metrics(self, metrics: Sequence[str]) -> None:
        """Which metrics have a column."""
        self._metrics = tuple(metrics)
        self._rebuild(self._runs, self._metrics)

    def metrics(self) -> tuple[str, ...]:
        """Which metrics have a column now."""
        return self._shown_metrics()

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

    def _shown_metrics(self) -> tuple[str, ...]:
        return tuple(column.key.removeprefix("best:") for column in self._columns if column.key.startswith("best:"))

    def _rebuild(self, runs: tuple[RunFacts, ...], metrics: tuple[str, ...]) -> None:
        self.beginResetModel()
        self._runs, self._columns = runs, columns_for(metrics)
        self.endResetModel()

    def _update(self, new: tuple[RunFacts, ...]) -> None:
        """Tell only of rows that changed."""
        changed = [row for row, (old, now) in enumerate(zip(self._runs, new)) if old != now]
        self._runs = new
        for row in changed:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(self._columns) - 1))


class RunFilter(QSortFilterProxyModel):
    """Words that must all occur, a status, and sorting that keeps missing values last; as a tree of forks, or row by row."""

    def __init__(self) -> None:
        super().__init__()
        self._words: tuple[str, ...] = ()
        self._status = ""
        self._is_tree = True
        self._branches: dict[str, Branch] | None = None  # by which rows were put in order; None while that is changed
        self.setSortRole(RANK)
        self.setDynamicSortFilter(True)

    def setSourceModel(self, model: RunTable) -> None:  # type: ignore[override]
        """Runs that change may change places, and their families with them."""
        model.modelAboutToBeReset.connect(self._forget)
        super().setSourceModel(model)
        model.modelReset.connect(self.branches)
        model.dataChanged.connect(self._look_again)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By another column, or the other way round."""
        self._forget()
        super().sort(column, order)
        self.branches()

    def set_tree(self, on: bool) -> None:
        """Forks under the runs that they were forked from, or every run by itself."""
        self._is_tree = on
        self._forget()
        self.invalidate()

    def branch(self, index: Index) -> Branch | None:
        """How a row hangs in the tree; None where rows stand by themselves."""
        return self.branches().get(index.data(RUN).uid) if self._is_tree else None

    def branches(self) -> dict[str, Branch]:
        """Every shown run's, by uid."""
        if self._branches is None:
            self._branches = self._tree()
        return self._branches

    def _tree(self) -> dict[str, Branch]:
        table: RunTable = self.sourceModel()  # type: ignore[assignment]
        column = table.columns()[self.sortColumn()] if 0 <= self.sortColumn() < table.columnCount() else None
        shown = [run for run in table.runs() if self._accepts(run)]
        return tree(
            shown, table.runs(), column.rank if column is not None else lambda run: run.created,
            descending=self.sortOrder() == Qt.SortOrder.DescendingOrder,
        )  # fmt: skip

    def _forget(self) -> None:
        self._branches = None

    def _look_again(self) -> None:
        """After what changed was put in its place by itself: a family may have to move."""
        if self._is_tree and (found := self._tree()) != self._branches:
            self._branches = found
            self.invalidate()

    def set_text(self, text: str) -> None:
        """Show runs in whose name, tags, notes, experiment, status or seed all words occur."""
        self.beginFilterChange()
        self._words = tuple(text.lower().split())
        self._end_filter_change()

    def set_status(self, status: str) -> None:
        """Show one status only; empty: all."""
        self.beginFilterChange()
        self._status = status
        self._end_filter_change()

    def _end_filter_change(self) -> None:
        self._forget()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)
        if self._is_tree:  # whose parent is no longer shown stands elsewhere
            self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        return self._accepts(self.sourceModel().index(source_row, 0, source_parent).data(RUN))

    def _accepts(self, run: RunFacts) -> bool:
        if self._status and run.status != self._status:
            return False
        text = " ".join(
            (
                run.name,
                *run.tags,
                run.notes,
                run.document_name,
                status_text(run),
                run.status,
                f"seed {run.seed}",
                run.uid,
            )
        )
        return all(word in text.lower() for word in self._words)

    def lessThan(self, source_left: Index, source_right: Index) -> bool:
        if self._is_tree:
            found, is_up = self.branches(), self.sortOrder() == Qt.SortOrder.AscendingOrder
            places = [
                found[uid].place if (uid := each.data(RUN).uid) in found else len(found)
                for each in (source_left, source_right)
            ]
            return places[0] < places[1] if is_up else places[1] < places[0]
        left, right = source_left.data(RANK), source_right.data(RANK)
        for value, other, answer in ((left, right, False), (right, left, True)):
            if isinstance(value, float) and math.isnan(value) and not (isinstance(other, float) and math.isnan(other)):
                return answer if self.sortOrder() == Qt.SortOrder.AscendingOrder else not answer
        return left < right


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
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(column.title for column in columns), "uid"])
    for run in runs:
        writer.writerow([*(_harmless(column.text(run)) for column in columns), run.uid])
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
