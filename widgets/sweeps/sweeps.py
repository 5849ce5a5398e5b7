"""The page of sweeps: which there are, what one found out, its trials, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.sweep import Sweep
from core.runs.verdict import Table
from core.store.answers import SweepFacts, TrialFacts
from widgets.look.files import save_file
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.theme import look, theme
from widgets.sweeps.front_plot import FrontPlot
from widgets.sweeps.in_words import plan_in_words, table_in_words
from widgets.sweeps.metric_plot import MetricPlot
from widgets.sweeps.nothing import NoSweep
from widgets.sweeps.parallel import ParallelPlot
from widgets.sweeps.table import ConfigurationTable, TrialTable
from widgets.sweeps.words import axis_words, figure_words, progress, verdict_sentence

UID = Qt.ItemDataRole.UserRole
FORMATS = (("csv", "CSV"), ("md", "Markdown"), ("tex", "LaTeX (booktabs)"))

WIDE_SIDE, NARROW_SIDE = 250, 180  # pixels of the list
NARROW = 1000


class SweepsView(QWidget):
    """Every act is a wish; the session does it and answers with new facts."""

    sweepChosen = Signal(str)  # uid; answer with show_sweep
    newRequested = Signal()  # the document's own sweep
    planRequested = Signal()  # show me where a sweep is planned
    goOnRequested = Signal(str)
    pauseRequested = Signal(str)  # after the trial that is trained
    stopRequested = Signal(str)  # now; the trial waits again
    deleteRequested = Signal(str)
    moveSweepRequested = Signal(str, int)
    continueOnErrorChanged = Signal(str, bool)
    skipRequested = Signal(str, tuple)  # uid, numbers of trials
    requeueRequested = Signal(str, tuple)
    moveRequested = Signal(str, int, int)  # uid, number, by
    openRunRequested = Signal(str)  # uid of a run
    exportRequested = Signal(str, str, str)  # uid, format, path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: dict[str, SweepFacts] = {}
        self._shown = ""  # uid of the sweep that is drawn
        self._plan = Sweep()
        self.list, self.pages = QListWidget(), QStackedWidget()
        self.trials, self.configurations = TrialTable(), ConfigurationTable()
        self.trial_view, self.configuration_view = QTableView(), QTableView()
        self.plot, self.front, self.parallel = MetricPlot(), FrontPlot(), ParallelPlot()
        self.name, self.state, self.verdict, self.own = QLabel(), QLabel(), QLabel(), QLabel()
        self.across, self.up, self.drawn = QComboBox(), QComboBox(), QStackedWidget()
        self.on_error = QCheckBox(tr("Continue on error"))
        self.buttons: dict[str, QPushButton] = {}
        self.new = QPushButton(tr("Run sweep"))
        self.empty = NoSweep()
        self._set_up()
        self._lay_out()
        self._connect()
        self.restyle()
        self._refresh()

    # Values

    def set_sweeps(self, found: Sequence[SweepFacts]) -> None:
        """Every sweep, in the order of the queue; keeps the chosen one."""
        before = list(self._facts)
        self._facts = {facts.uid: facts for facts in found}
        if before != list(self._facts):
            chosen = self.chosen()
            self.list.blockSignals(True)
            self.list.clear()
            for facts in found:
                item = QListWidgetItem()
                item.setData(UID, facts.uid)
                self.list.addItem(item)
            fresh = [uid for uid in self._facts if uid not in before]
            self._select(fresh[-1] if fresh else chosen)
            self.list.blockSignals(False)
            self.sweepChosen.emit(self.chosen())
        for row in range(self.list.count()):
            item = self.list.item(row)
            facts = self._facts[item.data(UID)]
            item.setText(f"{facts.name}\n{progress(facts)}")
        self._refresh()

    def set_own(self, name: str, words: str, why_not: str) -> None:
        """The plan of the document on the canvas: its size in words; empty where it has none."""
        self.own.setText(f"{name}\n{why_not or words}" if words else tr("The experiment on the canvas has no sweep."))
        self.new.setEnabled(bool(words) and not why_not)
        self.new.setToolTip(plain_tip(why_not))
        self.empty.show_own(name, words, why_not)

    def show_sweep(self, uid: str, plan: Sweep, trials: Sequence[TrialFacts], table: Table) -> None:
        """Draw one sweep as far as it has come."""
        plan, table = plan_in_words(plan), table_in_words(table)
        other = uid != self._shown
        self._shown, self._plan = uid, plan
        if other:
            self.parallel.clear()
        titles = [f"{axis.title}" for axis in plan.axes]
        costs = [name for name in dict.fromkeys((plan.against, *plan.costs)) if name]
        self._show_across(plan, titles, costs, other)
        self._show_figures(plan.metric, [*plan.costs, *(name for name in table.figures if name not in plan.costs)])
        self.across.setVisible(self.across.count() > 1)
        self.parallel.setVisible(len(titles) > 1)
        self.plot.set_table(table, plan.axes)
        self.front.set_table(table)
        self.parallel.set_table(table, plan.axes)
        self.configurations.set_table(table, plan.costs)
        self.trials.set_trials(trials, plan.metric)
        self.verdict.setText(verdict_sentence(table))
        if other:
            self.trial_view.resizeColumnsToContents()
            self.trial_view.setColumnWidth(1, min(420, max(160, self.trial_view.columnWidth(1) + 30)))
        self.configuration_view.resizeColumnsToContents()
        self._refresh()

    def _show_across(self, plan: Sweep, titles: Sequence[str], costs: Sequence[str], other: bool) -> None:
        """What can lie along the bottom: the axes, then the costs; a cost that is weighed lies there first."""
        words = [*titles, *map(figure_words, costs)]
        if [self.across.itemText(i) for i in range(self.across.count())] != words:
            self.across.clear()
            for axis, title in zip(plan.axes, titles):
                self.across.addItem(title, "")
                self.across.setItemData(self.across.count() - 1, axis_words(axis), Qt.ItemDataRole.ToolTipRole)
            for cost in costs:
                self.across.addItem(figure_words(cost), cost)
            other = True
        if other:
            self._set_across(len(titles) if plan.against else 0)

    def _set_across(self, index: int) -> None:
        self.across.setCurrentIndex(index)
        cost = self.across.itemData(index) or ""
        self.drawn.setCurrentWidget(self.front if cost else self.plot)
        self.up.setEnabled(not cost)
        if cost:
            self.front.set_cost(cost)
        else:
            self.plot.set_across(max(0, index))

    def _show_figures(self, metric: str, names: Sequence[str]) -> None:
        wanted = [metric, *(name for name in names if name != metric)]
        if [figure_words(name) for name in wanted] != [self.up.itemText(i) for i in range(self.up.count())]:
            chosen = self.up.currentData() or ""
            self.up.clear()
            for name in wanted:
                self.up.addItem(figure_words(name), "" if name == metric else name)
            self.up.setCurrentIndex(max(0, self.up.findData(chosen)))
            self.plot.set_up(self.up.currentData() or "")

    def chosen(self) -> str:
        """The uid of the chosen sweep."""
        item = self.list.currentItem()
        return str(item.data(UID)) if item is not None else ""

    def choose(self, uid: str) -> None:
        """Choose one."""
        self._select(uid)

    def selected(self) -> tuple[int, ...]:
        """Numbers of the selected trials, from top to bottom."""
        rows = sorted(index.row() for index in self.trial_view.selectionModel().selectedRows())
        return tuple(self.trials.trials()[row].number for row in rows if row < self.trials.rowCount())

    def _select(self, uid: str) -> None:
        uids = list(self._facts)
        if uids:
            self.list.setCurrentRow(uids.index(uid) if uid in uids else len(uids) - 1)

    # Making

    def _set_up(self) -> None:
        for view, model in ((self.trial_view, self.trials), (self.configuration_view, self.configurations)):
            view.setModel(model)
            view.verticalHeader().hide()
            view.verticalHeader().setDefaultSectionSize(26)
            view.setShowGrid(False)
            view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
            view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
            view.horizontalHeader().setHighlightSections(False)
            view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            view.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.trial_view.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.trial_view.setAccessibleName(tr("Trials"))
        self.configuration_view.setAccessibleName(tr("Configurations"))
        self.list.setAccessibleName(tr("Sweeps"))
        for label in (self.name, self.state, self.verdict, self.own):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.new.setProperty("primary", True)
        self.across.setAccessibleName(tr("Along the bottom"))
        self.up.setAccessibleName(tr("Drawn upwards"))

    def _lay_out(self) -> None:
        page = QHBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._side())
        self.pages.addWidget(self.empty)
        self.pages.addWidget(self._sweep_page())
        page.addWidget(self.pages, 1)

    def _side(self) -> QWidget:
        side = QWidget()
        side.setObjectName("side")
        self._side_panel = side
        side.setFixedWidth(WIDE_SIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(12, 12, 12, 12)
        column.addWidget(self.list, 1)
        self._queue_tools = QWidget()
        row = QHBoxLayout(self._queue_tools)
        row.setContentsMargins(0, 0, 0, 0)
        for text, tip, by in (("↑", tr("Earlier in the queue"), -1), ("↓", tr("Later in the queue"), 1)):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(plain_tip(tip))
            button.setAccessibleName(tip)
            button.clicked.connect(partial(self._move_sweep, by))
            row.addWidget(button)
        row.addStretch(1)
        drop = QToolButton()
        drop.setText(tr("Remove"))
        drop.setToolTip(tr("The sweep goes; its runs stay in Runs."))
        drop.clicked.connect(lambda: self.deleteRequested.emit(self.chosen()) if self.chosen() else None)
        row.addWidget(drop)
        column.addWidget(self._queue_tools)
        self.own.setProperty("muted", True)
        column.addWidget(self.own)
        column.addWidget(self.new)
        return side

    def _sweep_page(self) -> QWidget:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 12, 16, 12)
        top = QHBoxLayout()
        top.addWidget(self.name, 2)
        top.addWidget(self.state, 1)
        top.addWidget(self.on_error)
        for key, text in (("go_on", tr("Resume")), ("pause", tr("Pause")), ("stop", tr("Stop now"))):
            top.addWidget(self._button(key, text))
        export = self._button("export", tr("Export table"))
        menu = QMenu(export)
        for key, text in FORMATS:
            menu.addAction(text, partial(self._export, key))
        export.setMenu(menu)
        top.addWidget(export)
        column.addLayout(top)
        column.addWidget(self.verdict)
        plots = QSplitter(Qt.Orientation.Horizontal)
        left = QWidget()
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 0, 0)
        for plot in (self.plot, self.front):
            self.drawn.addWidget(plot)
        inner.addWidget(self.drawn, 1)
        row = QHBoxLayout()
        row.addWidget(self.up)
        row.addStretch(1)
        row.addWidget(self.across)
        inner.addLayout(row)
        plots.addWidget(left)
        plots.addWidget(self.parallel)
        plots.setChildrenCollapsible(False)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(plots)
        parts.addWidget(self._tables())
        parts.setSizes([380, 330])
        parts.setChildrenCollapsible(False)
        column.addWidget(parts, 1)
        return body

    def _tables(self) -> QWidget:
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self.configuration_view, tr("Configurations"))
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 4, 0, 0)
        row = QHBoxLayout()
        for key, text in (
            ("open", tr("Open run")), ("up", tr("Up")), ("down", tr("Down")), ("skip", tr("Skip")), ("requeue", tr("Run again")),
        ):  # fmt: skip
            row.addWidget(self._button(key, text))
        row.addStretch(1)
        column.addWidget(self.trial_view, 1)
        column.addLayout(row)
        tabs.addTab(below, tr("Trials"))
        self.tabs = tabs
        return tabs

    def _button(self, key: str, text: str) -> QPushButton:
        self.buttons[key] = QPushButton(text)
        return self.buttons[key]

    def _connect(self) -> None:
        self.list.currentRowChanged.connect(lambda _: self.sweepChosen.emit(self.chosen()))
        self.new.clicked.connect(self.newRequested)
        self.empty.runRequested.connect(self.newRequested)
        self.empty.planRequested.connect(self.planRequested)
        self.on_error.clicked.connect(lambda on: self.continueOnErrorChanged.emit(self._shown, on))
        for key, signal in (
            ("go_on", self.goOnRequested),
            ("pause", self.pauseRequested),
            ("stop", self.stopRequested),
        ):
            self.buttons[key].clicked.connect(lambda _=False, signal=signal: signal.emit(self._shown))
        self.buttons["pause"].setToolTip(tr("The trial that is trained now is finished first."))
        self.buttons["stop"].setToolTip(tr("The trial that is trained now is saved and waits again."))
        self.buttons["open"].clicked.connect(lambda: self._open(self.selected()))
        self.buttons["up"].clicked.connect(lambda: self._move(-1))
        self.buttons["down"].clicked.connect(lambda: self._move(1))
        self.buttons["skip"].clicked.connect(lambda: self.skipRequested.emit(self._shown, self.selected()))
        self.buttons["requeue"].clicked.connect(lambda: self.requeueRequested.emit(self._shown, self.selected()))
        self.trial_view.doubleClicked.connect(self._open_row)
        self.trial_view.selectionModel().selectionChanged.connect(lambda *_: self._refresh())
        self.trial_view.customContextMenuRequested.connect(self._open_menu)
        self.across.activated.connect(self._set_across)
        self.up.activated.connect(lambda index: self.plot.set_up(self.up.itemData(index)))
        self.plot.configurationChosen.connect(self._choose_configuration)
        self.front.configurationChosen.connect(self._choose_configuration)
        self.parallel.brushed.connect(self.plot.keep_configurations)
        self.parallel.brushed.connect(self.trials.keep_configurations)
        look.changed.connect(self.restyle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow page leaves the room to what a sweep found."""
        super().resizeEvent(event)
        self._side_panel.setFixedWidth(WIDE_SIDE if event.size().width() >= NARROW else NARROW_SIDE)

    # Acts

    def _refresh(self) -> None:
        facts = self._facts.get(self._shown)
        self.pages.setCurrentIndex(1 if facts is not None else 0)
        self._queue_tools.setVisible(bool(self._facts))
        if facts is None:
            return
        self.name.setText(facts.name)
        self.state.setText(progress(facts))
        self.on_error.setChecked(facts.continue_on_error)
        runs, done = facts.state == "running" and facts.alive, facts.state == "finished"
        self.buttons["go_on"].setEnabled(not runs and not done)
        self.buttons["pause"].setEnabled(runs)
        self.buttons["stop"].setEnabled(runs)
        chosen = self.selected()
        states = {trial.state for trial in self.trials.trials() if trial.number in chosen}
        self.buttons["open"].setEnabled(len(chosen) == 1 and bool(self._run_of(chosen)))
        for key in ("up", "down"):
            self.buttons[key].setEnabled(len(chosen) == 1 and states == {"queued"})
        self.buttons["skip"].setEnabled("queued" in states)
        self.buttons["requeue"].setEnabled(bool(states & {"failed", "skipped"}))

    def _run_of(self, numbers: tuple[int, ...]) -> str:
        return next((trial.run for trial in self.trials.trials() if trial.number in numbers), "")

    def _open(self, numbers: tuple[int, ...]) -> None:
        if run := self._run_of(numbers):
            self.openRunRequested.emit(run)

    def _open_row(self, index: QModelIndex) -> None:
        self._open((self.trials.trials()[index.row()].number,))

    def _move(self, by: int) -> None:
        for number in self.selected()[:1]:
            self.moveRequested.emit(self._shown, number, by)

    def _move_sweep(self, by: int) -> None:
        if self.chosen():
            self.moveSweepRequested.emit(self.chosen(), by)

    def _choose_configuration(self, name: str) -> None:
        self.tabs.setCurrentIndex(1)
        self.trial_view.clearSelection()
        for row, trial in enumerate(self.trials.trials()):
            if self.trials.index(row, 1).data() == name and trial.run:
                self.trial_view.selectRow(row)
                self.trial_view.scrollTo(self.trials.index(row, 0))
                return

    def _open_menu(self, at: QPoint) -> None:
        menu = popup(self)
        for key in ("open", "up", "down", "skip", "requeue"):
            button = self.buttons[key]
            action = menu.addAction(button.text(), button.click)
            action.setEnabled(button.isEnabled())
        menu.popup(self.trial_view.viewport().mapToGlobal(at))

    def _export(self, key: str) -> None:
        name = f"{self.name.text() or 'sweep'}.{key}"
        path = save_file(self, tr("Export table"), name, f"*.{key}", what="export")
        if path:
            self.exportRequested.emit(self._shown, key, path)

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(
            f"QWidget#side {{ background: {c.panel}; border-right: 1px solid {c.line}; }}"
            f"QListWidget {{ background: transparent; }} QListWidget::item {{ padding: 8px 6px; border-radius: 6px; }}"
            f"QListWidget::item:selected {{ background: {c.raised}; color: {c.text}; }}"
        )
        self.name.setStyleSheet("font-size: 16px; font-weight: 600;")
        self.state.setStyleSheet(f"color: {c.muted}; padding-left: 8px;")
        self.verdict.setStyleSheet("font-size: 14px; padding: 2px 0 6px 0;")
