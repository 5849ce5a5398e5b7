"""Trials and configurations as tables."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from core.graph.configurations import named
from core.runs.paper import differing, header, lines
from core.runs.verdict import Table, figure
from core.store.answers import TrialFacts
from widgets.look.language import said, tr
from widgets.look.theme import theme
from widgets.sweeps.in_words import configuration_names
from widgets.sweeps.words import short, trial_state, written

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
TRIAL = Qt.ItemDataRole.UserRole + 1


def state_colour(state: str) -> str:
    """A state's colour."""
    c = theme()
    return {"running": c.accent, "finished": c.good, "failed": c.bad}.get(state, c.muted)


class TrialTable(QAbstractTableModel):
    """A row a trial, in the order of the queue."""

    def __init__(self) -> None:
        super().__init__()
        self._trials: tuple[TrialFacts, ...] = ()
        self._names: dict[str, str] = {}
        self._metric = ""
        self._kept: frozenset[str] | None = None  # configurations that a brush leaves
        self._shown: tuple[TrialFacts, ...] = ()

    def set_trials(self, trials: Sequence[TrialFacts], metric: str) -> None:
        """Show these; the same trials in the same order keep their selection."""
        if missing := {trial.configuration for trial in trials} - self._names.keys():
            configurations = named([*self._names, *sorted(missing)])
            words = configuration_names(configuration.name for configuration in configurations.values())
            self._names |= {text: words[configuration.name] for text, configuration in configurations.items()}
        self._trials, changed = tuple(trials), metric != self._metric
        self._metric = metric
        self._show(reset=changed)

    def keep_configurations(self, names: frozenset[str] | None) -> None:
        """Show only trials of these configurations; None: all."""
        self._kept = names
        self._show(reset=False)

    def _show(self, *, reset: bool) -> None:
        fresh = tuple(t for t in self._trials if self._kept is None or self._names[t.configuration] in self._kept)
        same = [trial.number for trial in fresh] == [trial.number for trial in self._shown]
        if same and not reset:
            self._shown = fresh
            if fresh:
                self.dataChanged.emit(self.index(0, 0), self.index(len(fresh) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self._shown = fresh
        self.endResetModel()

    def trials(self) -> tuple[TrialFacts, ...]:
        """What is shown."""
        return self._shown

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else 6

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (tr("#"), tr("Configuration"), tr("Seed"), tr("State"), short(self._metric), tr("Seconds"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        trial = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(trial, index.column())
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 3:
            return QColor(state_colour(trial.state))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in (0, 2, 4, 5):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 3:
            return said(trial.reason) or None
        return trial if role == TRIAL else None

    def _text(self, trial: TrialFacts, column: int) -> str:
        seconds = trial.figures.get("seconds")
        value = "" if trial.value is None else figure(trial.value, self._metric)
        state = trial_state(trial) + (f": {said(trial.reason).splitlines()[0]}" if trial.reason else "")
        cells = (
            str(trial.number + 1), self._names[trial.configuration], str(trial.seed), state, value,
            "" if seconds is None else f"{seconds:.1f}",
        )  # fmt: skip
        return cells[column]


class ConfigurationTable(QAbstractTableModel):
    """A row a configuration: the table of a paper."""

    def __init__(self) -> None:
        super().__init__()
        self._metric = ""
        self._head: list[str] = []
        self._rows: list[list[str]] = []

    def set_table(self, table: Table, costs: Sequence[str]) -> None:
        """Show this; costs that were asked for come first, then those in which configurations differ."""
        known = [name for name in costs if name in table.figures]
        names = [*known, *(name for name in differing(table) if name not in known)]
        head = header(table, names)
        head[:7] = [
            tr("Configuration"), tr("Seeds"), short(table.metric), tr("95 % CI"), tr("Against {configuration}", configuration=table.baseline), tr("p (t)"),
            tr("p (sign-flip permutation)"),
        ]  # fmt: skip
        head[7:] = [short(name) for name in head[7:]]
        self._metric, rows = table.metric, lines(table, names, written)
        if (head, rows) != (self._head, self._rows):
            self.beginResetModel()
            self._head, self._rows = head, rows
            self.endResetModel()

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._head)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._head[section] if section < len(self._head) else None
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole and section == 2:
            return self._metric
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None
