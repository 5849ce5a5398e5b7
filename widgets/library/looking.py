"""The table of runs as it is looked at: columns, filters, sorting, selection, and all of that as a view with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QTableView,
    QToolButton,
    QWidget,
)  # fmt: skip

from core.exploring.fields import Field, Known, Value
from core.exploring.filtering import Condition
from core.exploring.ledger import Values
from core.exploring.views import View
from core.store.answers import RunFacts
from widgets.library.column_chooser import ColumnChooser
from widgets.library.columns import BEST, every_metric
from widgets.library.filter_line import FilterLine
from widgets.library.lineage import LineageName
from widgets.library.setting_names import Titles
from widgets.library.shown import RunFilter
from widgets.library.table import RunTable, StatusChip
from widgets.library.views_menu import ViewsButton
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.sides import metric_words

MOST_VALUES = 40  # that are offered of a setting


class ShownRuns(QWidget):
    """The table with what narrows it; whoever derives from it lays it out and acts on what is selected."""

    namesWanted = Signal()  # answer with set_known
    fieldsWanted = Signal(tuple)  # Field ...; answer with set_values
    viewChanged = Signal()  # another thing is shown: worth remembering

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table, self.filter, self.view = RunTable(), RunFilter(), QTableView()
        self.filter_line, self.chooser = FilterLine(), ColumnChooser(self)
        self._search, self._status, self._lineage = QLineEdit(), QComboBox(), QToolButton()
        self._columns_button, self._groups_button, self.views_button = QToolButton(), QToolButton(), ViewsButton()
        self._report_button = QToolButton()
        self._known, self._titles, self._values = Known(), Titles(), Values()
        self._widths: dict[str, int] = {}  # as a person set them, by key
        self._offered: Field | None = None  # whose values a person is about to choose from
        self._sorted_by = "created"
        self._set_up_table()

    def _refresh(self) -> None:
        """What is said about the rows that are shown."""

    def set_runs(self, runs: Sequence[RunFacts]) -> None:
        """Every run of the store; keeps the selection."""
        chosen, columns = self.selected(), self.table.column_keys()
        self.table.set_runs(runs)
        if self.table.column_keys() != columns:
            self._sort_again()
        self.select(chosen)
        self._refresh()
        self._want_fields()

    def set_known(self, known: Known, titles: Titles) -> None:
        """Which settings and figures there are, and what they are called."""
        self._known, self._titles = known, titles
        self.chooser.set_known(known, titles)
        self.filter_line.set_known(known, self._values_of)

    def set_values(self, values: Values, titles: Titles) -> None:
        """Settings and figures of the runs, as far as they were asked for."""
        chosen = self.selected()
        self._values = values
        self.table.set_values(values, titles)
        self.filter.look_again()
        self._size_columns()
        self.select(chosen)
        self._refresh()
        if self.filter_line.field.hasFocus() and self._offered is not None:
            self.filter_line.offer()

    def view_now(self, name: str = "") -> View:
        """What is looked at."""
        return View(
            name=name, columns=self._keys_in_order() if self.table.is_chosen() or self._was_moved() else None,
            widths=self._widths, filter=self.filter_line.text(), words=self._search.text(), status=self._status.currentData(),
            sort=self._sorted_by, descending=self.filter.sortOrder() == Qt.SortOrder.DescendingOrder,
            tree=self._lineage.isChecked(),
        )  # fmt: skip

    def apply_view(self, view: View) -> None:
        """Look at this instead."""
        self._widths = dict(view.widths)
        self._sorted_by = view.sort
        self._choose(view.columns)
        self._lineage.setChecked(view.tree)
        self._search.setText(view.words)
        self._status.setCurrentIndex(max(0, self._status.findData(view.status)))
        order = Qt.SortOrder.DescendingOrder if view.descending else Qt.SortOrder.AscendingOrder
        keys = self.table.column_keys()
        self.view.sortByColumn(keys.index(view.sort) if view.sort in keys else 0, order)
        self.filter_line.set_text(view.filter)

    def selected(self) -> tuple[str, ...]:
        """Uids of the selected runs, from top to bottom."""
        return tuple(facts.uid for facts in self._selected_runs())

    def select(self, uids: Sequence[str]) -> None:
        """Select these runs, as far as they are shown."""
        model = self.view.selectionModel()
        if tuple(uids) == self.selected():
            return
        wanted = QItemSelection()
        for row in sorted(self.filter.row_of(uid) for uid in uids):
            if row >= 0:
                wanted.select(self.filter.index(row, 0), self.filter.index(row, 0))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        model.select(wanted, flags)

    def shown(self) -> tuple[RunFacts, ...]:
        """Runs as they are filtered and sorted."""
        return tuple(self.filter.runs())

    def _selected_runs(self) -> list[RunFacts]:
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        shown = self.filter.runs()
        return [shown[row] for row in rows if row < len(shown)]

    # Building

    def _set_up_table(self) -> None:
        self.filter.setSourceModel(self.table)
        self.view.setModel(self.filter)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(self._column("created"), Qt.SortOrder.DescendingOrder)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.view.setAlternatingRowColors(False)
        self.view.setShowGrid(False)
        self.view.setWordWrap(False)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # a run's number stands at its end
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(28)
        self.view.setAccessibleName(tr("Runs"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = self.view.horizontalHeader()
        header.setSectionsMovable(True)
        header.setStyleSheet("QHeaderView::section { padding: 4px 8px; }")
        self.view.setStyleSheet("QTableView::item { padding: 0px 6px; }")
        header.sortIndicatorChanged.connect(self._remember_sorting)
        header.setStretchLastSection(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._chip, self._name = StatusChip(self.view), LineageName(self.filter.branch, self.view)
        self._size_columns()

    def _size_columns(self) -> None:
        for number, column in enumerate(self.table.columns()):
            header = self.view.horizontalHeader().sectionSizeHint(number)
            self.view.setColumnWidth(number, self._widths.get(column.key) or max(column.width, header + 10))
            own = {"status": self._chip, "name": self._name}
            self.view.setItemDelegateForColumn(number, own.get(column.key))

    def _sort_again(self) -> None:
        """Other columns: the one that was sorted by is found again by its key."""
        keys = [column.key for column in self.table.columns()]
        self._size_columns()
        self.view.sortByColumn(keys.index(self._sorted_by) if self._sorted_by in keys else 0, self.filter.sortOrder())

    def _remember_sorting(self, section: int, _: Qt.SortOrder) -> None:
        if 0 <= section < len(self.table.columns()):
            self._sorted_by = self.table.columns()[section].key
            self.viewChanged.emit()

    def _column(self, key: str) -> int:
        return next(number for number, column in enumerate(self.table.columns()) if column.key == key)

    def _filter_row(self) -> QHBoxLayout:
        self._columns_button.setText(tr("Columns…"))
        self._columns_button.setAccessibleName(self._columns_button.text())
        self._columns_button.setToolTip(plain_tip(tr("Choose which settings and metrics have a column")))
        self._groups_button.setText(tr("Groups"))
        self._groups_button.setAccessibleName(self._groups_button.text())
        self._groups_button.setToolTip(plain_tip(tr("Gather runs by settings: means over seeds, beside a baseline")))
        row = QHBoxLayout()
        row.addWidget(self.filter_line, 1)
        self._report_button.setText(tr("Report"))
        self._report_button.setAccessibleName(self._report_button.text())
        self._report_button.setToolTip(
            plain_tip(tr("Text between figures that were pinned from comparisons and groups"))
        )
        for button in (self._columns_button, self._groups_button, self.views_button, self._report_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _connect_table(self) -> None:
        self._search.textChanged.connect(self._filter_text)
        self._status.currentIndexChanged.connect(self._filter_status)
        self._lineage.toggled.connect(self._set_tree)
        self.filter_line.entered.connect(self.namesWanted)
        self.filter_line.conditionChanged.connect(self._filter_condition)
        self._columns_button.clicked.connect(self._open_chooser)
        self.chooser.chosen.connect(self._choose)
        self.views_button.chosen.connect(self.apply_view)
        header = self.view.horizontalHeader()
        header.customContextMenuRequested.connect(self._column_menu)
        header.sectionMoved.connect(lambda *_: self.viewChanged.emit())
        header.sectionResized.connect(self._remember_width)

    # Filtering

    def _filter_text(self, text: str) -> None:
        self._filtered(lambda: self.filter.set_text(text))

    def _filter_status(self) -> None:
        self._filtered(lambda: self.filter.set_status(self._status.currentData()))

    def _set_tree(self, on: bool) -> None:
        self._filtered(lambda: self.filter.set_tree(on))

    def _filter_condition(self, condition: Condition | None) -> None:
        look = self._look_at
        accepts = None if condition is None else lambda run: condition.holds(lambda field: look(field, run))
        self._filtered(lambda: self.filter.set_condition(accepts))
        self._want_fields()

    def _filtered(self, act: Callable[[], None]) -> None:
        """Show other rows; those that stay selected are those that are still shown."""
        chosen = self.selected()
        act()
        self.select(chosen)
        self._refresh()
        self.viewChanged.emit()

    # Columns, and what has to be read for them

    def _look_at(self, field: Field, run: RunFacts) -> Value:
        return self._values.value(field, run)

    def _values_of(self, field: Field) -> list[Value]:
        """What runs have of a field, the most frequent first."""
        if field.kind == "score":
            return []
        if any(not self._values.has(field, run) for run in self.table.runs()):
            self._offered = field
            self._want_fields()
        counts = Counter(self._values.value(field, run) for run in self.table.runs())
        return [value for value, _ in counts.most_common(MOST_VALUES)]

    def fields(self) -> tuple[Field, ...]:
        """Settings and figures that are needed now."""
        condition = self.filter_line.condition()
        offered = (self._offered,) if self._offered is not None else ()
        return tuple(
            dict.fromkeys((*self.table.fields(), *(condition.fields() if condition is not None else ()), *offered))
        )

    def _want_fields(self) -> None:
        wanted = self.fields()
        if wanted and any(not self._values.has(field, run) for run in self.table.runs() for field in wanted):
            self.fieldsWanted.emit(wanted)

    def _open_chooser(self) -> None:
        self.namesWanted.emit()
        below = self._columns_button.mapToGlobal(
            QPoint(self._columns_button.width() - self.chooser.width(), self._columns_button.height() + 2)
        )
        self.chooser.open_at(below, self._keys_in_order(), self._known, self._titles)

    def _choose(self, keys: Sequence[str] | None) -> None:
        """Other columns, in this order."""
        chosen = self.selected()
        header = self.view.horizontalHeader()
        header.blockSignals(True)
        for number in range(header.count()):
            header.moveSection(header.visualIndex(number), number)
        header.blockSignals(False)
        self.table.choose(keys)
        self._sort_again()
        self.select(chosen)
        self._want_fields()
        self.viewChanged.emit()

    def _keys_in_order(self) -> tuple[str, ...]:
        """Columns as they stand, from left to right."""
        header, keys = self.view.horizontalHeader(), self.table.column_keys()
        return tuple(keys[header.logicalIndex(place)] for place in range(len(keys)))

    def _was_moved(self) -> bool:
        return self._keys_in_order() != self.table.column_keys()

    def _remember_width(self, section: int, _: int, width: int) -> None:
        keys = self.table.column_keys()
        pulled = self.view.horizontalHeader().underMouse() or self.view.horizontalHeader().viewport().underMouse()
        if pulled and width and 0 <= section < len(keys) - 1:  # the last one takes the room that is left
            self._widths[keys[section]] = width
            self.viewChanged.emit()

    def _column_menu(self, at: QPoint) -> None:
        """Tick the metrics that have a column."""
        menu = popup(self)
        for name in every_metric(self.table.runs())[:80]:
            action = menu.addAction(metric_words(name), lambda name=name: self._turn_metric(name))
            action.setCheckable(True)
            action.setChecked(f"{BEST}{name}" in self.table.column_keys())
        menu.addSeparator()
        menu.addAction(tr("Columns…"), self._open_chooser)
        menu.popup(self.view.horizontalHeader().mapToGlobal(at))

    def _turn_metric(self, name: str) -> None:
        key, keys = f"{BEST}{name}", self._keys_in_order()
        if key in keys:
            self._choose([each for each in keys if each != key])
            return
        place = max(
            (number + 1 for number, each in enumerate(keys) if each.startswith(BEST) or each == "loss"), default=1
        )
        self._choose([*keys[:place], key, *keys[place:]])
