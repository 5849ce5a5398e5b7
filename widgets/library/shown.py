"""Which runs are shown, in which order: words, a status, a condition; as a tree of forks or row by row.

The order is made at once for all rows and not asked row by row, so that ten thousand runs are sorted in a moment.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QAbstractProxyModel, QModelIndex, QPersistentModelIndex, Qt

from core.store.answers import RunFacts
from widgets.library.columns import status_text
from widgets.library.lineage import Branch, ordered, tree
from widgets.library.table import RUN, RunTable

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
Accepts = Callable[[RunFacts], bool]


class RunFilter(QAbstractProxyModel):
    """The rows of a :class:`RunTable` that are wanted; what is missing or broken comes last either way."""

    def __init__(self) -> None:
        super().__init__()
        self._words: tuple[str, ...] = ()
        self._status = ""
        self._condition: Accepts | None = None
        self._is_tree = True
        self._column, self._order = 0, Qt.SortOrder.AscendingOrder
        self._branches: dict[str, Branch] = {}
        self._rows: list[int] = []  # of the source, from top to bottom
        self._places: dict[int, int] = {}  # source row -> shown row

    # What is wanted

    def set_tree(self, on: bool) -> None:
        """Forks under the runs that they were forked from, or every run by itself."""
        self._is_tree = on
        self.look_again()

    def set_text(self, text: str) -> None:
        """Show runs in whose name, tags, notes, experiment, status or seed all words occur."""
        self._words = tuple(text.lower().split())
        self.look_again()

    def set_status(self, status: str) -> None:
        """Show one status only; empty: all."""
        self._status = status
        self.look_again()

    def set_condition(self, condition: Accepts | None) -> None:
        """Show runs that it is true of; None: all."""
        self._condition = condition
        self.look_again()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By another column, or the other way round."""
        self._column, self._order = column, order
        self.look_again()

    def sortColumn(self) -> int:
        """What is sorted by."""
        return self._column

    def sortOrder(self) -> Qt.SortOrder:
        """Which way."""
        return self._order

    def branch(self, index: Index) -> Branch | None:
        """How a row hangs in the tree; None where rows stand by themselves."""
        return self._branches.get(index.data(RUN).uid) if self._is_tree else None

    def row_of(self, uid: str) -> int:
        """Where a run is shown; -1 where it is not."""
        return self._places.get(self._table.row_of(uid), -1)

    def runs(self) -> list[RunFacts]:
        """What is shown, from top to bottom."""
        every = self._table.runs()
        return [every[row] for row in self._rows]

    # The model

    def setSourceModel(self, model: RunTable) -> None:  # type: ignore[override]
        """The table of every run."""
        super().setSourceModel(model)
        model.modelAboutToBeReset.connect(self.beginResetModel)
        model.modelReset.connect(self._reset)
        model.dataChanged.connect(self._changed)
        self._reset_rows()

    @property
    def _table(self) -> RunTable:
        return self.sourceModel()  # type: ignore[return-value]

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() or self.sourceModel() is None else self._table.columnCount()

    def index(self, row: int, column: int, parent: Index = NOWHERE) -> QModelIndex:
        fits = not parent.isValid() and 0 <= row < len(self._rows) and 0 <= column < self.columnCount()
        return self.createIndex(row, column) if fits else QModelIndex()

    def parent(self, index: Index = NOWHERE) -> QModelIndex:  # type: ignore[override]
        return QModelIndex()

    def mapToSource(self, index: Index) -> QModelIndex:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return QModelIndex()
        return self._table.index(self._rows[index.row()], index.column())

    def mapFromSource(self, index: Index) -> QModelIndex:
        place = self._places.get(index.row(), -1) if index.isValid() else -1
        return self.index(place, index.column()) if place >= 0 else QModelIndex()

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        return self._table.headerData(section, orientation, role)

    # The order

    def look_again(self) -> None:
        """Rows that are wanted now, in their order; what was selected stays so where only the order is another."""
        rows, branches = self._wanted_rows()
        if rows == self._rows:
            self._branches = branches
            return
        if len(rows) != len(self._rows) or set(rows) != set(self._rows):
            self.beginResetModel()
            self._take(rows, branches)
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        kept = [(self._rows[index.row()], index.column()) for index in old]
        self._take(rows, branches)
        self.changePersistentIndexList(old, [self.index(self._places[row], column) for row, column in kept])
        self.layoutChanged.emit()

    def _take(self, rows: list[int], branches: dict[str, Branch]) -> None:
        self._rows, self._branches = rows, branches
        self._places = {row: place for place, row in enumerate(rows)}

    def _reset_rows(self) -> None:
        self._take(*self._wanted_rows())

    def _reset(self) -> None:
        self._reset_rows()
        self.endResetModel()

    def _changed(self, first: QModelIndex, last: QModelIndex) -> None:
        before = self._rows
        self.look_again()
        if self._rows is before and self._rows:
            places = [self._places[row] for row in range(first.row(), last.row() + 1) if row in self._places]
            for place in places:
                self.dataChanged.emit(self.index(place, first.column()), self.index(place, last.column()))

    def _wanted_rows(self) -> tuple[list[int], dict[str, Branch]]:
        table = self._table
        every = table.runs()
        shown = [run for run in every if self._accepts(run)]
        columns = table.columns()
        rank = columns[self._column].rank if 0 <= self._column < len(columns) else _created
        descending = self._order == Qt.SortOrder.DescendingOrder
        numbers = {run.uid: row for row, run in enumerate(every)}
        if not self._is_tree:
            return [numbers[run.uid] for run in ordered(shown, rank, descending=descending)], {}
        branches = tree(shown, every, rank, descending=descending)
        return [numbers[uid] for uid in branches], branches

    def _accepts(self, run: RunFacts) -> bool:
        if self._status and run.status != self._status:
            return False
        if self._condition is not None and not self._condition(run):
            return False
        return not self._words or all(word in _searched(run) for word in self._words)


def _created(run: RunFacts) -> float:
    return run.created


def _searched(run: RunFacts) -> str:
    parts = (
        run.name,
        *run.tags,
        run.notes,
        run.document_name,
        status_text(run),
        run.status,
        f"seed {run.seed}",
        run.uid,
    )
    return " ".join(parts).lower()
