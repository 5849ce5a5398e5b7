"""The figures of a run as a list that is searched; what is ticked is pinned, what is selected is drawn as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPixmap, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QListView, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.matching import match
from widgets.look.plain import plain_tip

SERIES, TITLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
SWATCH = 9


class MetricList(QWidget):
    """Names of series; hundreds of them cost one row each and no reading."""

    chosenChanged = Signal()
    pinsChanged = Signal(tuple)  # every pinned series, those that this run does not have too

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pins: tuple[str, ...] = ()
        self._rows: dict[str, QStandardItem] = {}
        self._titles: dict[str, str] = {}
        self.field, self.view = QLineEdit(), QListView()
        self.field.setPlaceholderText(tr("Find a metric…"))
        self.field.setClearButtonEnabled(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setUniformItemSizes(True)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setIconSize(QSize(SWATCH, SWATCH))
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(tr("Metrics of the run"))
        self._model = QStandardItemModel(self)
        self.view.setModel(self._model)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.field)
        column.addWidget(self.view, 1)
        self.field.textChanged.connect(self._filter)
        self._model.itemChanged.connect(self._ticked)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self.chosenChanged.emit())

    @property
    def pins(self) -> tuple[str, ...]:
        """What is pinned."""
        return self._pins

    def set_pins(self, pins: Sequence[str]) -> None:
        """Pin these and no others."""
        self._pins = tuple(pins)
        self._model.blockSignals(True)
        for series, row in self._rows.items():
            row.setCheckState(_state(series in self._pins))
        self._model.blockSignals(False)
        self.view.viewport().update()
        self.chosenChanged.emit()

    def selected(self) -> tuple[str, ...]:
        """What is selected, from top to bottom."""
        rows = sorted(index.row() for index in self.view.selectedIndexes())
        return tuple(self._model.item(row).data(SERIES) for row in rows)

    def set_entries(self, titles: Mapping[str, str]) -> None:
        """These series, by title; the list stays where it is while they stay the same."""
        if dict(titles) == self._titles:
            return
        self._titles = dict(titles)
        chosen = set(self.selected())
        place = self.view.verticalScrollBar().value()
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        self._model.blockSignals(True)
        self._model.clear()
        self._rows = {}
        for series, title in sorted(titles.items(), key=lambda pair: pair[1].casefold()):
            row = QStandardItem(title)
            row.setData(series, SERIES)
            row.setData(title, TITLE)
            row.setCheckable(True)
            row.setCheckState(_state(series in self._pins))
            row.setToolTip(plain_tip(tr("{name}: ticked metrics stay pinned, also for other runs", name=title)))
            self._rows[series] = row
            self._model.appendRow(row)
        self._model.blockSignals(False)
        self._model.layoutChanged.emit()
        for series in chosen & set(self._rows):
            selection.select(self._rows[series].index(), QItemSelectionModel.SelectionFlag.Select)
        selection.blockSignals(False)
        self._filter(self.field.text())
        self.view.verticalScrollBar().setValue(place)

    def show_values(self, values: Mapping[str, str], colours: Mapping[str, str]) -> None:
        """What is drawn has its value behind its title, and its colour before it."""
        self._model.blockSignals(True)
        for series, row in self._rows.items():
            text = f"{row.data(TITLE)}   {values[series]}" if series in values else row.data(TITLE)
            if row.text() != text:
                row.setText(text)
            colour = colours.get(series, "")
            if row.data(TITLE + 1) != colour:
                row.setData(colour, TITLE + 1)
                row.setData(_swatch(colour), Qt.ItemDataRole.DecorationRole)
        self._model.blockSignals(False)
        self.view.viewport().update()

    def _filter(self, text: str) -> None:
        for row in range(self._model.rowCount()):
            item = self._model.item(row)
            fits = match(text, item.data(TITLE), item.data(SERIES)) > 0
            self.view.setRowHidden(row, not fits)

    def _ticked(self, item: QStandardItem) -> None:
        series, on = item.data(SERIES), item.checkState() == Qt.CheckState.Checked
        if on != (series in self._pins):
            self._pins = (*self._pins, series) if on else tuple(pin for pin in self._pins if pin != series)
            self.pinsChanged.emit(self._pins)
            self.chosenChanged.emit()


def _state(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked


def _swatch(colour: str) -> QPixmap | None:
    if not colour:
        return None
    swatch = QPixmap(SWATCH, SWATCH)
    swatch.fill(QColor(colour))
    return swatch
