"""The library of runs: find, sort, name, tag, replay, continue, fork, compare, export, delete and take it back.

Every act is a wish; the session does it and answers with new facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.exploring.fields import Field, Known, field_in
from core.exploring.ledger import Values
from core.exploring.views import Chart, View
from core.graph.document import Document
from core.store.answers import CheckpointFacts, RunFacts
from widgets.library.columns import STATUS_WORDS, figure
from widgets.library.compare import CompareView
from widgets.library.groups import GroupsView
from widgets.library.looking import ShownRuns
from widgets.library.report_view import ReportView
from widgets.library.setting_names import Titles
from widgets.library.table import csv_text, rows_as_csv
from widgets.look.files import open_folder, save_file
from widgets.look.icons import icon
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.sides import chosen_words
from widgets.look.theme import look

UNDO_MILLISECONDS = 20_000
EDGE = 12  # pixels beside the table
FEWEST, ONE = "fewest", -1  # how many runs an entry of the export menu needs: so many or more; exactly one
ALIVE = ("running", "paused", "queued")
ACTS = ("replay", "open", "continue", "fork", "judge", "compare", "export", "delete")
MENU_ACTS = ("fork", "judge", "export")  # those that ask which
OF_GRAPHS = ("open", "continue", "fork", "judge")  # what a run from another program's record has nothing for


class LibraryView(ShownRuns):
    """Every run, and what can be done with it."""

    openDocumentRequested = Signal(str)  # uid
    continueRequested = Signal(str)
    forkRequested = Signal(str, int)  # uid, step
    judgeRequested = Signal(str, str)  # uid, folder of the judge's checkpoints; empty: nobody
    replayRequested = Signal(str)
    compareRequested = Signal(tuple)  # uids
    renameRequested = Signal(str, str)
    tagsRequested = Signal(str, tuple)
    notesRequested = Signal(str, str)
    deleteRequested = Signal(tuple)  # uids
    restoreRequested = Signal(tuple)
    modelRequested = Signal(str, str)  # uid, path: the run's towers as one program
    towerRequested = Signal(str, str)  # uid, folder: one of its towers as a transformers folder
    exportRequested = Signal(tuple, str)  # uids, path: every point as CSV
    tensorboardRequested = Signal(tuple, str)  # uids, folder: each as an event file
    selectionChanged = Signal(tuple)  # uids; answer with set_checkpoints
    pinRequested = Signal(object, str, tuple)  # a page as it is seen, its caption, RunFacts ...: into the report
    chartApplied = Signal(object)  # Chart: of a view
    failed = Signal(str)  # a sentence

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.compare, self.groups, self.report = CompareView(), GroupsView(), ReportView()
        self.chart: Callable[[], Chart] | None = None  # what is chosen of the curves
        self._pages = QStackedWidget()
        self._count, self._empty, self._place = QLabel(), QLabel(), QLabel()
        self._buttons: dict[str, QToolButton] = {}
        self._checkpoints: dict[str, tuple[CheckpointFacts, ...]] = {}
        self._judges: tuple[tuple[str, str, str], ...] = ()
        self._deleted: tuple[str, ...] = ()
        self._undo_bar, self._undo_text = QFrame(), QLabel()
        self._undo_timer = QTimer(self)
        self._lay_out()
        self._connect()
        self._refresh()

    # Values

    def set_place(self, words: str) -> None:
        """Where the runs are kept."""
        self._place.setText(words)

    def set_checkpoints(self, uid: str, checkpoints: Sequence[CheckpointFacts]) -> None:
        """Where a run can be forked."""
        self._checkpoints[uid] = tuple(each for each in checkpoints if each.kept)
        self._refresh()

    def set_judges(self, judges: Sequence[tuple[str, str, str]]) -> None:
        """Runs that can judge what others make: a title, a uid and the folder of checkpoints each."""
        self._judges = tuple(judges)
        self._refresh()

    def show_comparison(self, runs: Sequence[RunFacts], documents: Sequence[Document | None]) -> None:
        """Open the comparison; curves are put in with ``compare.set_curves``."""
        self.compare.set_runs(runs, documents)
        self._pages.setCurrentWidget(self.compare)

    def show_groups(self) -> None:
        """Gather the runs that are shown, or those that are selected where there are several."""
        chosen = self._selected_runs()
        self._pages.setCurrentWidget(self.groups)
        self.namesWanted.emit()
        self.groups.set_runs(chosen if len(chosen) > 1 else self.shown())
        self._want_fields()

    def fields(self) -> tuple[Field, ...]:
        """Settings and figures that are needed now."""
        more = self.groups.fields() if self._pages.currentWidget() is self.groups else ()
        return tuple(dict.fromkeys((*super().fields(), *more)))

    def set_known(self, known: Known, titles: Titles, varied: Sequence[str] = ()) -> None:
        """Which settings and figures there are, what they are called, and of which runs have several values."""
        super().set_known(known, titles)
        self.groups.set_known(known, titles, varied)

    def set_values(self, values: Values, titles: Titles) -> None:
        """Settings and figures of the runs, as far as they were asked for."""
        super().set_values(values, titles)
        self.groups.set_values(values)

    def set_runs(self, runs: Sequence[RunFacts]) -> None:
        """Every run of the store; keeps the selection."""
        super().set_runs(runs)
        if self._pages.currentWidget() is self.groups:
            known = {run.uid: run for run in runs}
            self.groups.set_runs([known[run.uid] for run in self.groups.runs() if run.uid in known])

    def view_now(self, name: str = "") -> View:
        """What is looked at."""
        groups = self.groups
        return replace(
            super().view_now(name), groups=groups.by(), scores=groups.scores(), baseline=groups.baseline(),
            chart=self.chart() if self.chart is not None else Chart(), grouped=self._pages.currentWidget() is groups,
        )  # fmt: skip

    def apply_view(self, view: View) -> None:
        """Look at this instead."""
        super().apply_view(view)
        by, scores = (tuple(filter(None, map(field_in, keys))) for keys in (view.groups, view.scores))
        self.groups.apply(by, scores, view.baseline, view.chart.spread)
        self.chartApplied.emit(view.chart)
        if view.grouped:
            self.show_groups()
        else:
            self.show_table()

    def show_table(self) -> None:
        """Back to the table."""
        self._pages.setCurrentIndex(0)

    def write_table(self, path: str | Path) -> None:
        """The shown runs as CSV; selected ones only, where more than one is selected."""
        chosen = self.selected()
        runs = [run for run in self.shown() if len(chosen) < 2 or run.uid in chosen]
        Path(path).write_text(csv_text(self.table.columns(), runs), encoding="utf-8-sig", newline="")

    def write_picture(self, path: str | Path) -> bool:
        """What is seen as PNG."""
        return self._pages.currentWidget().grab().save(str(path), "PNG")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self._act("delete")
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._act("replay")
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the words of the commands have no room, their icons stand alone, with the words in the tool tips."""
        super().resizeEvent(event)
        style = Qt.ToolButtonStyle
        for plain in (style.ToolButtonTextBesideIcon, style.ToolButtonIconOnly):
            for button in self._buttons.values():
                button.setToolButtonStyle(plain)
            self._bar.invalidate()
            if self._bar.minimumSize().width() + 2 * EDGE <= event.size().width():
                return

    # Building

    def _lay_out(self) -> None:
        self._search.setPlaceholderText(tr("Search name, tags, notes"))
        self._search.setAccessibleName(self._search.placeholderText())
        self._search.setClearButtonEnabled(True)
        self._search.setMinimumWidth(220)
        self._search.setMaximumWidth(300)
        self._status.setAccessibleName(tr("Status"))
        self._status.addItem(tr("any status"), "")
        for status, words in STATUS_WORDS.items():
            self._status.addItem(tr(words), status)
        self._count.setProperty("muted", True)
        self._lineage.setCheckable(True)
        self._lineage.setChecked(True)
        self._lineage.setAccessibleName(tr("Lineage"))
        self._lineage.setToolTip(plain_tip(tr("Lineage: forks stand under the run they were forked from")))
        bar = self._bar = QHBoxLayout()
        for widget in (self._search, self._status, self._lineage, self._count):
            bar.addWidget(widget)
        bar.addStretch(1)
        words = self._act_words()
        for act in ACTS:
            button = self._buttons[act] = QToolButton()
            button.setText(words[act])
            button.setAccessibleName(words[act])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            bar.addWidget(button)
        for act in MENU_ACTS:
            self._buttons[act].setMenu(QMenu(self))
        self._fill_export(self._buttons["export"].menu())
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("muted", True)
        self._place.setTextFormat(Qt.TextFormat.PlainText)
        self._place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._place.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed
        )  # a long place does not widen the page
        self._place.setProperty("muted", True)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(EDGE, 10, EDGE, 10)
        column.addLayout(bar)
        column.addLayout(self._filter_row())
        column.addWidget(self.view, 1)
        column.addWidget(self._empty, 1)
        column.addWidget(self._make_undo_bar())
        column.addWidget(self._place)
        self._pages.addWidget(page)
        self._pages.addWidget(self.compare)
        self._pages.addWidget(self.groups)
        self._pages.addWidget(self.report)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)
        self._relook()

    def _act_words(self) -> dict[str, str]:
        return {
            "replay": tr("Replay"), "open": tr("Open experiment"), "continue": tr("Continue"), "fork": tr("Fork from…"),
            "judge": tr("Judge images by…"), "compare": tr("Compare"), "export": tr("Export"), "delete": tr("Delete"),
        }  # fmt: skip

    def _fill_export(self, menu: QMenu) -> None:
        menu.addAction(tr("This table as CSV…"), self._export_table)
        menu.addAction(tr("This table as an image…"), self._export_picture)
        points = menu.addAction(tr("Every point of the selected runs as CSV…"), self._export_points)
        points.setProperty(FEWEST, 1)
        menu.addAction(tr("Selected runs to TensorBoard…"), self._export_tensorboard).setProperty(FEWEST, 1)
        menu.addSeparator()
        for words, act in (
            (tr("Model of the selected run…"), self._export_model),
            (tr("Tower as transformers folder…"), self._export_tower),
        ):
            menu.addAction(words, act).setProperty(FEWEST, ONE)
        self._enable_export(menu)

    def _enable_export(self, menu: QMenu) -> None:
        """What is exported of the selected runs needs one at least, a model exactly one."""
        runs = self._selected_runs()
        of_one = len(runs) == 1 and not runs[0].is_imported
        for action in menu.actions():
            wanted = action.property(FEWEST)
            action.setEnabled(of_one if wanted == ONE else len(runs) >= (wanted or 0))

    def _make_undo_bar(self) -> QFrame:
        undo = QPushButton(tr("Undo"))
        undo.clicked.connect(self._undo)
        row = QHBoxLayout(self._undo_bar)
        row.setContentsMargins(10, 4, 6, 4)
        self._undo_text.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(self._undo_text, 1)
        row.addWidget(undo)
        self._undo_bar.setVisible(False)
        self._undo_timer.setSingleShot(True)
        self._undo_timer.setInterval(UNDO_MILLISECONDS)
        self._undo_timer.timeout.connect(self._undo_bar.hide)
        return self._undo_bar

    def _connect(self) -> None:
        self._connect_table()
        self.table.renameRequested.connect(self.renameRequested)
        self.table.tagsRequested.connect(self.tagsRequested)
        self.table.notesRequested.connect(self.notesRequested)
        self.table.modelReset.connect(self._refresh)
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.view.doubleClicked.connect(self._double_clicked)
        self.view.customContextMenuRequested.connect(self._row_menu)
        for act, button in self._buttons.items():
            if button.menu() is None:
                button.clicked.connect(lambda _=False, act=act: self._act(act))
        self.compare.closed.connect(self.show_table)
        self.groups.closed.connect(self.show_table)
        self.report.closed.connect(self.show_table)
        self.groups.pinRequested.connect(self._pin_groups)
        self.compare.pinRequested.connect(self._pin_comparison)
        self._report_button.clicked.connect(lambda: self._pages.setCurrentWidget(self.report))
        self.groups.fieldsWanted.connect(self._want_fields)
        self.groups.runsWanted.connect(self._show_runs)
        self.groups.changed.connect(self.viewChanged)
        self.groups.csvRequested.connect(self._export_groups)
        self._groups_button.clicked.connect(self.show_groups)
        self.compare.pictureRequested.connect(self._export_picture)
        look.changed.connect(self._relook)

    # Acting

    def why_not(self, act: str) -> str:
        """Why an act is not possible with this selection; empty where it is."""
        runs = self._selected_runs()
        if act == "export":
            return "" if self.shown() else tr("There is no run to export.")
        if not runs:
            return tr("Select a run first.")
        if act == "compare":
            return "" if len(runs) > 1 else tr("Select two runs or more: hold Ctrl and click.")
        if act == "delete":
            alive = [run for run in runs if run.status in ("running", "paused")]
            return tr("{name} still trains; stop it first.", name=alive[0].name) if alive else ""
        if len(runs) > 1:
            return tr("Select one run only.")
        if act in OF_GRAPHS and runs[0].is_imported:
            return tr("{name} is another program's record: there is no graph to it.", name=runs[0].name)
        if act == "continue" and runs[0].status in ALIVE:
            return tr("{name} still trains.", name=runs[0].name)
        if act == "continue" and runs[0].steps and runs[0].step >= runs[0].steps and runs[0].status == "finished":
            return tr("{name} has done all its steps. Fork it to train on with other settings.", name=runs[0].name)
        if act == "judge" and runs[0].status in ALIVE:
            return tr("{name} still trains.", name=runs[0].name)
        if act == "judge" and not self._checkpoints.get(runs[0].uid):
            return tr("{name} has no checkpoint to judge.", name=runs[0].name)
        if act == "fork" and not self._checkpoints.get(runs[0].uid):
            return tr("{name} has no checkpoint to fork from.", name=runs[0].name)
        return ""

    def _act(self, act: str) -> None:
        if self.why_not(act):
            return
        uids = self.selected()
        one = {
            "replay": self.replayRequested, "open": self.openDocumentRequested, "continue": self.continueRequested,
        }  # fmt: skip
        if act in one:
            one[act].emit(uids[0])
        elif act == "compare":
            self.compareRequested.emit(uids)
        elif act == "delete":
            self._delete(uids)

    def _delete(self, uids: tuple[str, ...]) -> None:
        names = [run.name for run in self._selected_runs()]
        self._deleted = uids
        self.deleteRequested.emit(uids)
        one = tr("{name} is deleted.", name=names[0])
        self._undo_text.setText(one if len(uids) == 1 else tr("{n} runs are deleted.", n=len(uids)))
        self._undo_bar.setVisible(True)
        self._undo_timer.start()

    def _undo(self) -> None:
        self._undo_bar.setVisible(False)
        self._undo_timer.stop()
        self.restoreRequested.emit(self._deleted)

    def _selection_changed(self) -> None:
        self._refresh()
        self.selectionChanged.emit(self.selected())

    def _double_clicked(self, index: QModelIndex) -> None:
        if not index.flags() & Qt.ItemFlag.ItemIsEditable or index.column() == 0:
            self._act("replay")

    def _export_table(self) -> None:
        self._save(tr("runs.csv"), "CSV (*.csv)", self.write_table)

    def _export_groups(self) -> None:
        self._save(tr("groups.csv"), "CSV (*.csv)", self.write_groups)

    def write_groups(self, path: str | Path) -> None:
        """The table of groups as CSV."""
        Path(path).write_text(rows_as_csv(self.groups.rows()), encoding="utf-8-sig", newline="")

    def _pin_groups(self) -> None:
        by = ", ".join(self.groups.words_by()) or tr("all runs")
        self.pinRequested.emit(self.groups.seen(), tr("Runs by {settings}", settings=by), self.groups.runs())

    def _pin_comparison(self) -> None:
        names = ", ".join(run.name for run in self.compare.runs())
        self.pinRequested.emit(self.compare.seen(), tr("Comparison of {names}", names=names), self.compare.runs())

    def _show_runs(self, uids: tuple[str, ...]) -> None:
        self.show_table()
        self.select(uids)

    def _export_picture(self) -> None:
        self._save(tr("runs.png"), "PNG (*.png)", self.write_picture)

    def _export_points(self) -> None:
        uids = self.selected()
        path = save_file(self, tr("Export"), tr("points.csv"), "CSV (*.csv)", what="export")
        if path and uids:
            self.exportRequested.emit(uids, path)

    def _export_tensorboard(self) -> None:
        uids = self.selected()
        folder = open_folder(self, tr("A folder for TensorBoard, one below it for each run"), what="export")
        if folder and uids:
            self.tensorboardRequested.emit(uids, folder)

    def _export_model(self) -> None:
        path = save_file(self, tr("Export"), "model.pt2", "PyTorch (*.pt2);;ONNX (*.onnx)", what="export")
        if path and len(self.selected()) == 1:
            self.modelRequested.emit(self.selected()[0], path)

    def _export_tower(self) -> None:
        folder = open_folder(self, tr("An empty folder for the tower"), what="tower")
        if folder and len(self.selected()) == 1:
            self.towerRequested.emit(self.selected()[0], folder)

    def _save(self, name: str, kinds: str, write: Callable[[str], object]) -> None:
        path = save_file(self, tr("Export"), name, kinds, what="export")
        if not path:
            return
        try:
            if write(path) is False:
                self.failed.emit(tr("{path} cannot be written.", path=path))
        except OSError as error:
            self.failed.emit(tr("{path} cannot be written: {reason}.", path=path, reason=error.strerror or str(error)))

    # Looks

    def _refresh(self) -> None:
        total, shown = self.table.rowCount(), self.filter.rowCount()
        self.view.setVisible(shown > 0)
        self._empty.setVisible(shown == 0)
        nothing = tr("No runs yet. Draw an experiment or open one from the gallery, then press Run; it is kept here.")
        self._empty.setText(tr("No run fits the search.") if total else nothing)
        self._count.setText(
            tr("{shown} of {total} runs", shown=shown, total=total)
            if shown != total
            else tr("1 run")
            if total == 1
            else tr("{n} runs", n=total)
        )
        for act, button in self._buttons.items():
            why_not = self.why_not(act)
            button.setEnabled(not why_not)
            button.setToolTip(plain_tip("\n".join(filter(None, (button.text(), why_not)))))
        self._enable_export(self._buttons["export"].menu())
        for act, fill in (("fork", self._fill_fork), ("judge", self._fill_judge)):
            menu = self._buttons[act].menu()
            if not menu.isVisible():  # facts come every second; an open menu stays as it is
                menu.clear()
                fill(menu)

    def _fill_fork(self, menu: QMenu) -> None:
        """The checkpoints of the selected run, the newest first."""
        runs = self._selected_runs()
        if len(runs) == 1:
            for each in sorted(self._checkpoints.get(runs[0].uid, ()), key=lambda c: c.step, reverse=True):
                wish = (runs[0].uid, each.step)
                menu.addAction(checkpoint_words(each), lambda wish=wish: self.forkRequested.emit(*wish)).setData(wish)

    def _fill_judge(self, menu: QMenu) -> None:
        """Who can judge what the selected run makes, the newest first, and last nobody."""
        runs = self._selected_runs()
        if len(runs) != 1:
            return
        uid = runs[0].uid
        for title, judge, folder in (one for one in self._judges if one[1] != uid):
            entry = menu.addAction(title.replace("&", "&&"))
            entry.triggered.connect(lambda _=False, folder=folder: self.judgeRequested.emit(uid, folder))
            entry.setData(judge)
        if menu.actions():
            menu.addSeparator()
        nobody = menu.addAction(tr("Nobody: distances between 8 × 8 pixels alone"))
        nobody.triggered.connect(lambda: self.judgeRequested.emit(uid, ""))
        nobody.setData("")

    def _row_menu(self, at: QPoint) -> None:
        menu = popup(self)
        fill = {"fork": self._fill_fork, "judge": self._fill_judge, "export": self._fill_export}
        for act, words in self._act_words().items():
            if act in fill:
                inside = menu.addMenu(icon(_ICONS[act]), words)
                fill[act](inside)
                entry = inside.menuAction()
            else:
                entry = menu.addAction(icon(_ICONS[act]), words, lambda act=act: self._act(act))
            entry.setEnabled(not self.why_not(act))
            entry.setToolTip(plain_tip(self.why_not(act)))
        menu.popup(self.view.viewport().mapToGlobal(at))

    def _relook(self) -> None:
        for act, button in self._buttons.items():
            button.setIcon(icon(_ICONS[act]))
        self._lineage.setIcon(icon("lineage"))
        self.view.viewport().update()


def checkpoint_words(checkpoint: CheckpointFacts) -> str:
    """Its step, its own score where it was evaluated then, and whether it is the best."""
    words = tr("step {step}", step=f"{checkpoint.step:,}")
    if checkpoint.metric and checkpoint.value is not None:
        words += f" · {chosen_words(checkpoint.metric)} {figure(checkpoint.value, share='R@' in checkpoint.metric)}"
    return f"{words} · {tr('best')}" if checkpoint.best else words


_ICONS = {
    "replay": "run", "open": "open", "continue": "step_forward", "fork": "fork", "judge": "judge", "compare": "compare",
    "export": "export", "delete": "delete",
}  # fmt: skip
