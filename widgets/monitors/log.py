"""What the run said in words, up to the cursor: filtered by level, searched by text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QFrame, QLineEdit, QListView, QWidget

from core.store.answers import LogFacts
from core.store.reader import RunReader
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor

LEVELS = {"info": 0, "warning": 1, "error": 2}
NEWEST = 500


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What to leave out."""

    level: str = "info"  # this level and worse
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class LogValue:
    """Lines in the order they were said."""

    lines: tuple[LogFacts, ...]
    warnings: int
    errors: int


@monitors.register("log")
class LogMonitor(Monitor):
    """The log."""

    title = "Log"
    summary = "What the run logged. A click takes every plot to that moment."
    order = 70
    empty = "Nothing said yet."
    milliseconds_between = 400
    tools_open = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = LogModel()
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setUniformItemSizes(True)
        self._list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.verticalScrollBar().rangeChanged.connect(self._stay_below)
        self._list.verticalScrollBar().valueChanged.connect(self._scrolled)
        self._at_end = True
        self.set_picture(self._list)
        levels = [(tr("everything"), "info"), (tr("warnings and errors"), "warning"), (tr("errors"), "error")]
        self._level = self.add_choice(tr("Level"), levels)
        self._search = QLineEdit()
        self._search.setPlaceholderText(tr("Search the log"))
        self._search.setAccessibleName(tr("Search the log"))
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(self.settingsChanged)
        self.tools_row.addWidget(self._search, 1)
        self._list.clicked.connect(self._jump)

    def settings(self) -> LogSettings:
        return LogSettings(level=self._level.currentData() or "info", search=self._search.text().strip().lower())

    @staticmethod
    def read(settings: LogSettings, readers: Sequence[RunReader], cursor: Cursor) -> LogValue | None:
        lines = readers[0].log(upto=cursor.step, newest=NEWEST)
        if not lines:
            return None
        least = LEVELS.get(settings.level, 0)
        kept = [
            line
            for line in lines
            if LEVELS.get(line.level, 0) >= least
            and (not settings.search or settings.search in f"{line.text}\n{said(line.text)}".lower())
        ]
        return LogValue(
            lines=tuple(kept), warnings=sum(line.level == "warning" for line in lines),
            errors=sum(line.level == "error" for line in lines),
        )  # fmt: skip

    def draw(self, value: LogValue) -> None:
        self._model.set_lines(value.lines)
        parts = [tr("lines: {n}", n=len(value.lines))]
        if value.warnings:
            parts.append(tr("warnings: {n}", n=value.warnings))
        if value.errors:
            parts.append(tr("errors: {n}", n=value.errors))
        self.figures.set_text(" · ".join(parts), warns=bool(value.errors))

    def _scrolled(self, place: int) -> None:
        self._at_end = place >= self._list.verticalScrollBar().maximum()

    def _stay_below(self, _: int, last: int) -> None:
        """The newest line stays in sight, unless the person has scrolled up."""
        if self._at_end:
            self._list.verticalScrollBar().setValue(last)

    def _jump(self, index: QModelIndex) -> None:
        if (line := self._model.line(index.row())) is not None:
            self.cursorRequested.emit(line.step)


class LogModel(QAbstractListModel):
    """Log lines as a list."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[LogFacts, ...] = ()

    def set_lines(self, lines: tuple[LogFacts, ...]) -> None:
        """Show these; lines that only came behind are added without touching the rest."""
        old = len(self._lines)
        if lines == self._lines:
            return
        if lines[:old] == self._lines:
            self.beginInsertRows(QModelIndex(), old, len(lines) - 1)
            self._lines = lines
            self.endInsertRows()
        else:
            self.beginResetModel()
            self._lines = lines
            self.endResetModel()

    def line(self, row: int) -> LogFacts | None:
        """The line in a row."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if (line := self.line(index.row())) is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{line.step:>6,}   {' '.join(said(line.text).split())}"
        if role == Qt.ItemDataRole.ToolTipRole:
            where = tr("step {step}, {seconds} s", step=f"{line.step:,}", seconds=f"{line.seconds:.1f}")
            return plain_tip(f"{where}\n{said(line.text)[:2000]}")
        if role == Qt.ItemDataRole.ForegroundRole:
            colours = {"warning": theme().warning, "error": theme().bad}
            return QColor(colours.get(line.level, theme().text))
        return None
