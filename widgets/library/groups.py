"""Runs gathered by settings: means over seeds with their spread, beside a pinned baseline, and their curves with bands."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.fields import Field, Known, is_share
from core.exploring.groups import Group, Summary, against, grouped
from core.exploring.ledger import Values
from core.exploring.scores import may_choose
from core.exploring.views import Spread
from core.graph.selection import STEM, is_lower_better
from core.runs.verdict import Comparison
from core.store.answers import RunFacts
from widgets.library.columns import figure, value_text
from widgets.library.setting_names import Titles, short_title
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.theme import look, theme

EACH_RUN = Field(kind="fact", name="run")
EXPERIMENT = Field(kind="fact", name="experiment")
PIN = "◆"
MOST_OFFERED, MOST_SCORES, MOST_DRAWN = 60, 4, 12


class GroupsView(QWidget):
    """A page of its own; what it needs read it asks for."""

    closed = Signal()
    fieldsWanted = Signal()  # answer with set_values
    groupsChanged = Signal(object)  # list of (title, uids): the curves to draw
    runsWanted = Signal(tuple)  # uids, to be selected in the table
    csvRequested = Signal()
    pinRequested = Signal()  # into the report
    changed = Signal()  # worth remembering
    filled = Signal()  # other groups, or other figures of them

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: tuple[RunFacts, ...] = ()
        self._known, self._titles, self._values = Known(), Titles(), Values()
        self._varied: tuple[str, ...] = ()
        self._by: tuple[Field, ...] = ()
        self._scores: tuple[Field, ...] = ()
        self._baseline = ""
        self._groups: list[Group] = []
        self._kept: frozenset[str] | None = None  # keys of the groups that a brush leaves
        self._told: list[tuple[str, tuple[str, ...]]] = []
        self._by_button, self._score_button, self._spread = QToolButton(), QToolButton(), QComboBox()
        self.table, self._sentence, self._tabs = QTableWidget(), QLabel(), QTabWidget()
        self._curves_place = QVBoxLayout()
        self._lay_out()
        look.changed.connect(self._fill)

    # What it is given

    def set_curves(self, curves: QWidget) -> None:
        """The widget that draws the groups' curves."""
        self._curves_place.addWidget(curves)

    def set_parallel(self, plot: QWidget) -> None:
        """The widget that draws groups as lines across their settings; what it keeps is said by :meth:`keep`."""
        self._tabs.addTab(plot, tr("Parallel coordinates"))

    def keep(self, keys: frozenset[str] | None) -> None:
        """Show only these groups, in the table and as curves; None: all."""
        if keys != self._kept:
            self._kept = keys
            self._hide_rows()
            self._tell_curves()

    def by_fields(self) -> tuple[Field, ...]:
        """What is gathered by."""
        return self._by

    def score_fields(self) -> tuple[Field, ...]:
        """What is told."""
        return self._scores

    def seen(self) -> QWidget:
        """The groups and what is drawn of them, without the buttons."""
        return self._seen

    def words_by(self) -> list[str]:
        """What is gathered by, as it is called."""
        return [tr("run") if field == EACH_RUN else short_title(field, self._titles) for field in self._by]

    def titles(self) -> Titles:
        """What settings are called."""
        return self._titles

    def set_runs(self, runs: Sequence[RunFacts]) -> None:
        """The runs to gather."""
        self._runs = tuple(runs)
        self._regroup()

    def runs(self) -> tuple[RunFacts, ...]:
        """What is gathered."""
        return self._runs

    def set_known(self, known: Known, titles: Titles, varied: Sequence[str]) -> None:
        """What there is to gather by, and to tell."""
        if (known, titles, tuple(varied)) == (self._known, self._titles, self._varied):
            return
        self._known, self._titles, self._varied = known, titles, tuple(varied)
        if not self._scores:
            chosen = [name for name in known.scores if name.startswith(STEM)] or [
                n for n in known.scores if n == "loss"
            ]
            self._scores = tuple(
                self._score_field(name) for name in sorted(chosen, key=lambda n: "validation" not in n)[:1]
            )
        if not self._by and varied:
            self._by = (Field(kind="setting", name=varied[0]),)
        self._regroup()
        self.fieldsWanted.emit()

    def set_values(self, values: Values) -> None:
        """What was read."""
        self._values = values
        self._regroup()

    def fields(self) -> tuple[Field, ...]:
        """What must be read of the runs."""
        return (*self._by, *self._scores)

    def by(self) -> tuple[str, ...]:
        """Keys of what is gathered by."""
        return tuple(field.key for field in self._by)

    def scores(self) -> tuple[str, ...]:
        """Keys of what is told."""
        return tuple(field.key for field in self._scores)

    def baseline(self) -> str:
        """The pinned group's key; empty where none is."""
        return self._baseline

    def apply(self, by: Sequence[Field], scores: Sequence[Field], baseline: str, spread: Spread) -> None:
        """Gather as a view does."""
        self._by, self._scores, self._baseline = tuple(by), tuple(scores), baseline
        self._spread.blockSignals(True)  # the groups are not yet those that are told
        self._spread.setCurrentIndex(max(0, self._spread.findData(spread)))
        self._spread.blockSignals(False)
        self._regroup()
        self.fieldsWanted.emit()

    def groups(self) -> list[Group]:
        """As they are shown."""
        return list(self._groups)

    def rows(self) -> list[list[str]]:
        """What the table says, the head first."""
        table = self.table
        columns = range(table.columnCount() - 1)
        head = [table.horizontalHeaderItem(c).text() for c in columns]
        return [
            head,
            *([table.item(r, c).text() for c in columns] for r in range(table.rowCount()) if not table.isRowHidden(r)),
        ]

    def sentence(self) -> str:
        """What is said of the baseline."""
        return self._sentence.text()

    def pin(self, key: str) -> None:
        """Show all others beside this group; the same again lets go of it."""
        self._baseline = "" if key == self._baseline else key
        self._fill()
        self.changed.emit()

    # Building

    def _lay_out(self) -> None:
        back = QPushButton(tr("Back to the table"))
        back.clicked.connect(self.closed)
        for button, words, fill in (
            (self._by_button, tr("Group by"), self._fill_by), (self._score_button, tr("Metrics"), self._fill_scores),
        ):  # fmt: skip
            button.setText(words)
            button.setAccessibleName(words)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            menu = QMenu(button)
            menu.aboutToShow.connect(lambda fill=fill, menu=menu: fill(menu))
            button.setMenu(menu)
        for words, spread in (
            (tr("± standard deviation"), "deviation"),
            (tr("95 % interval"), "interval"),
            (tr("least to greatest"), "range"),
        ):
            self._spread.addItem(words, spread)
        self._spread.setAccessibleName(tr("Spread"))
        self._spread.currentIndexChanged.connect(self._fill)
        export = QPushButton(tr("Save as CSV…"))
        export.clicked.connect(self.csvRequested)
        top = QHBoxLayout()
        for widget in (back, self._by_button, self._score_button, self._spread):
            top.addWidget(widget)
        pin = QPushButton(tr("Pin to the report"))
        pin.clicked.connect(self.pinRequested)
        top.addStretch(1)
        top.addWidget(pin)
        top.addWidget(export)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setAccessibleName(tr("Groups of runs"))
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self.table.cellDoubleClicked.connect(
            lambda row, _: self.runsWanted.emit(tuple(run.uid for run in self._groups[row].runs))
        )
        self.table.itemSelectionChanged.connect(self._tell_curves)
        self._sentence.setWordWrap(True)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setProperty("muted", True)
        curves = QWidget()
        curves.setLayout(self._curves_place)
        self._curves_place.setContentsMargins(0, 0, 0, 0)
        self._tabs.setDocumentMode(True)
        self._tabs.addTab(curves, tr("Curves"))
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.table)
        parts.addWidget(self._tabs)
        parts.setSizes([300, 420])
        parts.setChildrenCollapsible(False)
        page = QVBoxLayout(self)
        page.setContentsMargins(12, 10, 12, 10)
        page.addLayout(top)
        page.addWidget(self._sentence)
        page.addWidget(parts, 1)
        self._seen = parts

    def _fill_by(self, menu: QMenu) -> None:
        menu.clear()
        offered = [EXPERIMENT, EACH_RUN, *(Field(kind="setting", name=name) for name in self._varied[:MOST_OFFERED])]
        for field in dict.fromkeys((*self._by, *offered)):
            words = tr("each run") if field == EACH_RUN else short_title(field, self._titles)
            action = menu.addAction(words, lambda field=field: self._turn("_by", field))
            action.setCheckable(True)
            action.setChecked(field in self._by)

    def _fill_scores(self, menu: QMenu) -> None:
        menu.clear()
        names = [name for name in self._known.every() if "*" in name or name in self._known.scores]
        offered = [self._score_field(name) for name in names if "chance" not in name][:MOST_OFFERED]
        for field in dict.fromkeys((*self._scores, *offered)):
            action = menu.addAction(
                f"{short_title(field, self._titles)}   {field.name}", lambda field=field: self._turn("_scores", field)
            )
            action.setCheckable(True)
            action.setChecked(field in self._scores)
            action.setEnabled(field in self._scores or len(self._scores) < MOST_SCORES)

    def _score_field(self, name: str) -> Field:
        return Field(kind="score", name=name, which="best" if name.startswith(STEM) and may_choose(name) else "last")

    def _turn(self, which: str, field: Field) -> None:
        now = getattr(self, which)
        setattr(self, which, tuple(each for each in now if each != field) if field in now else (*now, field))
        if which == "_by":
            self._baseline = ""
        self._regroup()
        self.fieldsWanted.emit()
        self.changed.emit()

    def _menu(self, at: QPoint) -> None:
        row = self.table.rowAt(at.y())
        if not 0 <= row < len(self._groups):
            return
        group = self._groups[row]
        menu = popup(self)
        menu.addAction(
            tr("Let go of the baseline") if group.key == self._baseline else tr("Pin as the baseline"),
            lambda: self.pin(group.key),
        )
        menu.addAction(
            tr("Show its runs in the table"), lambda: self.runsWanted.emit(tuple(run.uid for run in group.runs))
        )
        menu.popup(self.table.viewport().mapToGlobal(at))

    # Filling

    def _regroup(self) -> None:
        self._groups = grouped(self._runs, self._by, self._scores, self._values.value)
        self._fill()
        self._tell_curves()

    def title_of(self, group: Group) -> str:
        """``batch size 32 · Eye · Width 48``."""
        parts = [
            group.runs[0].name
            if field == EACH_RUN
            else f"{short_title(field, self._titles)} {value_text(field, value) or '–'}"
            for field, value in zip(self._by, group.values)
        ]
        return " · ".join(parts) or tr("all runs")

    def _tell_curves(self) -> None:
        chosen = sorted({index.row() for index in self.table.selectedIndexes()})
        kept = [group for group in self._groups if self._kept is None or group.key in self._kept]
        shown = [self._groups[row] for row in chosen if row < len(self._groups)] or kept[:MOST_DRAWN]
        told = [(self.title_of(group), tuple(run.uid for run in group.runs)) for group in shown]
        if told != self._told:
            self._told = told
            self.groupsChanged.emit(told)

    def _fill(self) -> None:
        found = {field.key: against(self._groups, self._baseline, field.key) for field in self._scores}
        heads = [tr("run") if field == EACH_RUN else short_title(field, self._titles) for field in self._by] or [""]
        heads += [tr("Number of runs"), tr("Seeds")]
        for field in self._scores:
            heads += (
                [short_title(field, self._titles), tr("against the baseline")]
                if self._baseline
                else [short_title(field, self._titles)]
            )
        self.table.setColumnCount(len(heads) + 1)  # the last one takes the room that is left
        self.table.setRowCount(len(self._groups))
        self.table.setHorizontalHeaderLabels([*heads, ""])
        for row, group in enumerate(self._groups):
            for column, (text, colour, tip) in enumerate(self._cells(group, found)):
                item = QTableWidgetItem(text)
                item.setToolTip(plain_tip(tip))
                if column >= max(1, len(self._by)):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if colour:
                    item.setForeground(QBrush(QColor(colour)))
                self.table.setItem(row, column, item)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self._hide_rows()
        self._say(found)
        self.filled.emit()

    def _hide_rows(self) -> None:
        for row, group in enumerate(self._groups):
            self.table.setRowHidden(row, self._kept is not None and group.key not in self._kept)

    def _cells(self, group: Group, found: dict[str, dict[str, Comparison]]) -> list[tuple[str, str, str]]:
        mark = f"{PIN} " if group.key == self._baseline else ""
        cells = [
            (group.runs[0].name if field == EACH_RUN else value_text(field, value) or "–", "", "")
            for field, value in zip(self._by, group.values)
        ] or [(tr("all runs"), "", "")]
        cells[0] = (mark + cells[0][0], "", "")
        cells += [(str(len(group.runs)), "", ""), (str(group.seeds), "", "")]
        for field in self._scores:
            told = group.scores[field.key]
            cells.append((summary_text(told, field, self._spread.currentData()), "", _tip(told, field)))
            if self._baseline:
                cells.append(self._difference(group, field, found[field.key].get(group.key)))
        return cells

    def _difference(self, group: Group, field: Field, one: Comparison | None) -> tuple[str, str, str]:
        if group.key == self._baseline:
            return tr("baseline"), theme().muted, ""
        if one is None:
            return tr("no shared seed"), theme().muted, ""
        by = signed(one.difference.mean, field)
        if one.difference.seeds < 2:
            return (
                tr("{by}, one seed", by=by),
                theme().muted,
                tr("How sure a difference of one seed is cannot be said."),
            )
        tip = tr("{n} shared seeds; 95 % interval [{low}, {high}]; p {t} (t), {flips} (sign flips)", n=one.difference.seeds,
                 low=signed(one.difference.low, field), high=signed(one.difference.high, field), t=f"{one.p_t:.3f}", flips=f"{one.p_flip:.3f}")  # fmt: skip
        if not one.distinguishable:
            return tr("{by}, not distinguishable", by=by), theme().muted, tip
        better = (one.difference.mean < 0) == is_lower_better(field.name)
        return f"{by} *", theme().good if better else theme().bad, tip

    def _say(self, found: dict[str, dict[str, Comparison]]) -> None:
        if not self._baseline or not any(group.key == self._baseline for group in self._groups):
            self._sentence.setText(
                tr("Right-click a group to pin it as the baseline; select groups to draw only these.")
            )
            return
        base = next(group for group in self._groups if group.key == self._baseline)
        parts = [
            tr(
                "{name} is the baseline; differences are taken seed by seed, * is distinguishable (corrected for the number of groups).",
                name=self.title_of(base),
            )
        ]
        self._sentence.setText(" ".join(parts))


def summary_text(told: Summary, field: Field, spread: Spread) -> str:
    """``41.2 % ± 1.3 (n=3)``."""
    if told.estimate is None:
        return "–"
    share = is_share(field)
    mean = figure(told.estimate.mean, share=share)
    if told.estimate.seeds < 2:
        return f"{mean} (n=1)"
    if spread == "deviation":
        half = f"{100 * told.deviation:.1f}" if share else f"{told.deviation:.2g}"
        return f"{mean} ± {half} (n={told.estimate.seeds})"
    low, high = (told.low, told.high) if spread == "range" else (told.estimate.low, told.estimate.high)
    return f"{mean} [{figure(low, share=share)}, {figure(high, share=share)}] (n={told.estimate.seeds})"


def signed(value: float, field: Field) -> str:
    """A difference with its sign; shares differ by percentage points."""
    return f"{100 * value:+.1f} pp" if is_share(field) else f"{value:+.4g}"


def _tip(told: Summary, field: Field) -> str:
    lines = [
        tr("seed {seed}: {value}", seed=seed, value=figure(value, share=is_share(field)))
        for seed, value in sorted(told.values.items())
    ]
    lines += [tr("{n} runs have no value", n=told.without)] if told.without else []
    return "\n".join(lines)
