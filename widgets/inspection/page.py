"""The Inspect page: the sample large, its words under it, layers and heads as a wall beside it; a second checkpoint beside the first.

It asks for subjects and curves and shows them; whoever owns the trained models works in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.store.answers import CheckpointFacts
from widgets.inspection.chooser import IMAGES, RunChoice, SampleChooser
from widgets.inspection.desk import DeskPanel
from widgets.inspection.faithful import FaithfulnessPanel
from widgets.inspection.head_wall import HeadWall, head_title
from widgets.inspection.lighting import (
    NOTHING,
    HeatMap,
    Pointed,
    difference,
    lit_by,
    map_of,
    pointed_patch,
    pointed_word,
)
from widgets.inspection.stage import Stage
from widgets.inspection.values import ROWS, WAYS, ChangeReport, Curves, Listed, SampleWish, Subject, Way
from widgets.look.heat.scale import Scale
from widgets.look.language import said, tr

FIRST, BESIDE = 0, 1
WIDEST_SCORE = 260  # pixels
RunRow = tuple[str, str, tuple[CheckpointFacts, ...]]  # uid, name, kept checkpoints


class InspectPage(QWidget):
    """What is chosen on the left, what is seen in the middle, layers × heads on the right."""

    samplesWanted = Signal(str, int, str)  # run, step, split
    subjectWanted = Signal(int, str, int, object)  # which, run, step, SampleWish
    curvesWanted = Signal(str, int, object, str)  # run, step, SampleWish, way
    reportWanted = Signal(str, int, str)  # run, step, split
    cancelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.beside = RunChoice(tr("Run")), RunChoice(tr("Beside it"), optional=True)
        self.samples, self.wall, self.faithful = SampleChooser(), HeadWall(), FaithfulnessPanel()
        self.desk, self.tests = DeskPanel(), QTabWidget()
        self.objectives, self.ways = QComboBox(), QComboBox()
        self.line, self.rows, self.why_wall = QLabel(), QLabel(), QLabel()
        self.stages = [Stage(), Stage(), Stage()]  # one, the other, the difference
        self._subjects: list[Subject | None] = [None, None]
        self._refusals = ["", ""]
        self._pointed = self._kept = Pointed()
        self._wish: SampleWish | None = None
        self._listed_of: tuple[str, int] = ("", -1)
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        self._show()

    # Values

    def set_runs(self, runs: Sequence[RunRow]) -> None:
        """Runs that can be inspected."""
        self.first.set_runs(runs)
        self.beside.set_runs(runs)
        self._show()

    def choose(self, uid: str, step: int | None = None) -> None:
        """Pick a run and a checkpoint."""
        self.first.choose(uid, step)

    def show_listed(self, uid: str, step: int, listed: Listed | None, sentence: str) -> None:
        """Samples of the chosen run, or why there are none."""
        if (uid, step) != self.first.choice():
            return
        self._refusals[FIRST] = sentence
        self.desk.set_possible(listed.changes if listed else {})
        self.samples.show_listed(listed)
        self._show()

    def show_subject(
        self, which: int, asked: tuple[str, int, SampleWish], subject: Subject | None, sentence: str
    ) -> None:
        """What one checkpoint sees in the chosen sample; an answer to what is no longer asked is dropped."""
        if asked != self._asks(which):
            return
        self._subjects[which], self._refusals[which] = subject, sentence
        if which == FIRST:
            self._pointed = self._kept = Pointed()
            self.faithful.forget()
            self._name_objectives(subject)
        self._show()

    def show_curves(self, wish: SampleWish, way: str, curves: Curves | None, sentence: str) -> None:
        """What was measured of the map that is shown."""
        if wish == self._wish and way == self.way():
            if curves is None:
                self.faithful.forget(sentence or tr("Cancelled."))
            else:
                self.faithful.show_curves(curves)

    def show_report(self, uid: str, step: int, report: ChangeReport | None, sentence: str) -> None:
        """How much of the score survives each change."""
        if (uid, step) != self.first.choice():
            return
        if report is None:
            self.desk.forget(sentence or tr("Cancelled."))
        else:
            self.desk.show_report(report)

    def show_progress(self, what: str, share: float) -> None:
        """How far a measurement is."""
        (self.desk if what == "report" else self.faithful).show_progress(share)

    def way(self) -> Way:
        """How maps are made of attention."""
        way: Way = self.ways.currentData() or "gradient"
        return way

    def subject(self, which: int = FIRST) -> Subject | None:
        """What is shown."""
        return self._subjects[which]

    def message(self) -> str:
        """The line over the stage."""
        return self.line.text()

    # Inside

    def _lay_out(self) -> None:
        parts = QSplitter(Qt.Orientation.Horizontal)
        for part, stretch in ((self._left(), 2), (self._middle(), 5), (self._right(), 3)):
            parts.addWidget(part)
            parts.setStretchFactor(parts.count() - 1, stretch)
        parts.setChildrenCollapsible(False)
        parts.setSizes([250, 800, 390])
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(parts)

    def _left(self) -> QWidget:
        side = QWidget()
        side.setMinimumWidth(190)
        column = QVBoxLayout(side)
        column.setContentsMargins(14, 12, 8, 12)
        column.setSpacing(8)
        column.addWidget(self.first)
        column.addWidget(self.beside)
        column.addWidget(self.samples, 1)
        return side

    def _middle(self) -> QWidget:
        side = QWidget()
        side.setMinimumWidth(360)
        column = QVBoxLayout(side)
        column.setContentsMargins(8, 12, 8, 12)
        column.setSpacing(6)
        top = QHBoxLayout()
        for way, title in WAYS.items():
            self.ways.addItem(tr(title), way)
        self.ways.setCurrentIndex(self.ways.findData("gradient"))
        self.ways.setAccessibleName(tr("Kind of map"))
        self.objectives.setAccessibleName(tr("Score"))
        self.objectives.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # classes by name
        self.objectives.setMaximumWidth(WIDEST_SCORE)
        self.objectives.setToolTip(tr("The objective whose score is explained"))
        top.addWidget(self.ways)
        top.addWidget(self.objectives)
        top.addWidget(self.line, 1)
        for label in (self.line, self.rows, self.why_wall):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.rows.setProperty("muted", True)
        stages = QHBoxLayout()
        stages.setSpacing(10)
        for stage in self.stages:
            stages.addWidget(stage, 1)
        column.addLayout(top)
        column.addWidget(self.rows)
        column.addLayout(stages, 1)
        self.tests.setDocumentMode(True)
        self.tests.addTab(self.faithful, tr("Faithfulness"))
        self.tests.addTab(self.desk, tr("What if"))
        column.addWidget(self.tests)
        return side

    def _right(self) -> QWidget:
        side = QWidget()
        side.setMinimumWidth(200)
        column = QVBoxLayout(side)
        column.setContentsMargins(8, 12, 14, 12)
        title = QLabel(tr("Layers × heads"))
        title.setProperty("muted", True)
        self.why_wall.setProperty("muted", True)
        scroll = QScrollArea()
        scroll.setWidget(self.wall)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        column.addWidget(title)
        column.addWidget(self.why_wall)
        column.addWidget(scroll, 1)
        return side

    def _connect(self) -> None:
        self.first.changed.connect(self._run_changed)
        self.beside.changed.connect(self._want_beside)
        self.samples.chosen.connect(self._want)
        self.samples.refused.connect(self._refuse)
        self.samples.splitWanted.connect(lambda split: self.samplesWanted.emit(*self.first.choice(), split))
        self.ways.currentIndexChanged.connect(self._other_map)
        self.objectives.activated.connect(self._other_objective)
        self.wall.chosen.connect(self._choose_head)
        self.faithful.measureRequested.connect(self._measure)
        self.faithful.cancelRequested.connect(self.cancelRequested)
        self.desk.changeChosen.connect(self._want_beside)
        self.desk.cancelRequested.connect(self.cancelRequested)
        self.desk.reportRequested.connect(self._want_report)
        self.desk.failed.connect(self._refuse)
        for stage in self.stages:
            stage.wordHovered.connect(lambda index: self._point(lambda heat: pointed_word(heat, index)))
            stage.patchHovered.connect(lambda row, column: self._point(lambda heat: pointed_patch(heat, row, column)))
            stage.wordChosen.connect(lambda index: self._keep(lambda heat: pointed_word(heat, index)))
            stage.patchChosen.connect(lambda row, column: self._keep(lambda heat: pointed_patch(heat, row, column)))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._want_samples()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].toLocalFile().lower().endswith(IMAGES):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.samples.take_picture(event.mimeData().urls()[0].toLocalFile())
        event.acceptProposedAction()

    def _run_changed(self) -> None:
        self._subjects, self._refusals = [None, None], ["", ""]
        self._listed_of = ("", -1)
        self.cancelRequested.emit()
        self.samples.show_listed(None)
        self._want_samples()
        self._show()

    def _want_samples(self) -> None:
        choice = self.first.choice()
        if self.isVisible() and choice[0] and choice[1] >= 0 and choice != self._listed_of:
            self._listed_of = choice
            self.samplesWanted.emit(*choice, "")

    def _want(self, wish: SampleWish) -> None:
        objective = self.objectives.currentData() or ""
        self._wish = SampleWish(
            split=wish.split, index=wish.index, sentence=wish.sentence, picture=wish.picture, objective=objective
        )
        self.cancelRequested.emit()
        self._subjects = [None, None]
        self.faithful.forget()
        uid, step = self.first.choice()
        if uid and step >= 0:
            self.subjectWanted.emit(FIRST, uid, step, self._wish)
        self._want_beside()

    def _want_beside(self) -> None:
        uid, step, wish = self._asks(BESIDE)
        self._subjects[BESIDE], self._refusals[BESIDE] = None, ""
        if uid and step >= 0 and wish is not None:
            self.subjectWanted.emit(BESIDE, uid, step, wish)
        elif uid:
            self._refusals[BESIDE] = tr("This run has no checkpoint yet.")
        self._show()

    def _asks(self, which: int) -> tuple[str, int, SampleWish | None]:
        """What is shown there: beside the first the other checkpoint, or the same with the sample changed."""
        change = self.desk.wish() if which == BESIDE else None
        if which == FIRST or self._wish is None or change is None:
            return (*(self.first, self.beside)[which].choice(), self._wish)
        uid, step = self.beside.choice()
        return (*((uid, step) if uid else self.first.choice()), replace(self._wish, change=change))

    def _want_report(self) -> None:
        uid, step = self.first.choice()
        self.desk.show_progress(0.0)
        self.reportWanted.emit(uid, step, self._wish.split if self._wish else "")

    def _refuse(self, sentence: str) -> None:
        self._refusals[FIRST] = sentence
        self._show()

    def _other_objective(self) -> None:
        if self._wish is not None:
            self._want(self._wish)

    def _other_map(self) -> None:
        self._pointed = self._kept = Pointed()
        self.cancelRequested.emit()
        self.faithful.forget()
        self._show()

    def _choose_head(self) -> None:
        if self.way() != "layer":
            self.ways.setCurrentIndex(self.ways.findData("layer"))  # shows all
        self._show()

    def _measure(self) -> None:
        if self._wish is not None:
            self.faithful.show_progress(0.0)
            self.curvesWanted.emit(*self.first.choice(), self._wish, self.way())

    def _name_objectives(self, subject: Subject | None) -> None:
        names = subject.objectives if subject else {}
        self.objectives.clear()
        for node, title in names.items():
            self.objectives.addItem(title, node)
        self.objectives.setCurrentIndex(self.objectives.findData(subject.objective) if subject else -1)
        self.objectives.setVisible(len(names) > 1)

    def _map(self, which: int) -> HeatMap | None:
        subject = self._subjects[which]
        if subject is None or (self.way() in ("raw", "rollout") and not subject.layers):
            return None  # without attention they would say that all places count alike
        return map_of(subject, self.way(), *self.wall.current())

    def _point(self, found: object) -> None:
        """What is under the mouse; where nothing is, what was kept."""
        heat = self._map(FIRST)
        if heat is None:
            return
        pointed: Pointed = found(heat)  # type: ignore[operator]
        pointed = pointed if pointed.index != NOTHING else self._kept
        if pointed != self._pointed:
            self._pointed = pointed
            self._show()

    def _keep(self, found: object) -> None:
        """A click keeps what is pointed at; the same once more lets it go."""
        heat = self._map(FIRST)
        if heat is None:
            return
        pointed: Pointed = found(heat)  # type: ignore[operator]
        self._kept = Pointed() if pointed == self._kept else pointed
        self._pointed = self._kept
        self._show()

    def _show(self) -> None:
        """Everything, from what is known."""
        subject, beside = self._subjects
        way = self.way()
        self.rows.setText(tr(ROWS[way]))
        self.line.setText(self._told())
        self.wall.set_layers(subject.layers if subject else (), self._pointed if way == "layer" else Pointed())
        self.wall.set_on(way == "layer")
        self.why_wall.setText(
            tr("This graph has no attention to show.") if subject and not subject.layers else tr("Click a map, or use the arrow keys.") if subject else ""
        )  # fmt: skip
        maps = [self._map(FIRST), self._map(BESIDE)]
        lits = [lit_by(heat, self._pointed) if heat is not None else None for heat in maps]
        most = max((lit.most for lit in lits if lit is not None), default=0.0)
        scale = Scale(high=most, is_relevance=way == "gradient")
        for which in (FIRST, BESIDE):
            self._show_stage(which, lits[which], scale)
        if None not in lits:
            self.stages[FIRST].scale.hide()  # the one beside has the same
        self.stages[BESIDE].setVisible(beside is not None or bool(self._refusals[BESIDE]))
        both = difference(lits[FIRST], lits[BESIDE]) if lits[FIRST] is not None and lits[BESIDE] is not None else None
        self.stages[2].setVisible(both is not None)
        if both is not None and beside is not None:
            shown = both.heat if both.heat is not None else both.word_weights
            highest = float(abs(shown).max(initial=0.0)) if shown is not None else 0.0
            scale = Scale(low=-highest, high=highest, is_difference=True)
            self.stages[2].show_lit(tr("Difference: beside less first"), beside.picture, both, scale)
        self._even()
        self.tests.setVisible(subject is not None)
        self.faithful.set_possible(self._why_not_measured(subject, maps[FIRST]))

    def _even(self) -> None:
        """What stands side by side is of one size, whatever is told over it."""
        high = max(stage.figures_height() for stage in self.stages if not stage.isHidden())
        for stage in self.stages:
            stage.keep_figures(high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._even()

    def _show_stage(self, which: int, lit: object, scale: Scale) -> None:
        subject, stage = self._subjects[which], self.stages[which]
        if subject is None:
            stage.show_reason("", None, said(self._refusals[which]) if which == BESIDE else "")
        elif lit is None:
            stage.show_reason(self._title(subject), subject.picture, self._why_nothing(subject))
        else:
            stage.show_lit(self._title(subject), subject.picture, lit, scale, self._figures(subject))  # type: ignore[arg-type]

    def _title(self, subject: Subject) -> str:
        step = tr("step {step}", step=f"{subject.step:,}")
        return subject.change or f"{subject.run} · {step}"

    def _figures(self, subject: Subject) -> str:
        """The score, and where the sample stands."""
        score = () if subject.score is None else (f"{tr(subject.score_kind)} {subject.score:.3f}",)
        return " · ".join((*score, *((subject.says,) if subject.says else ()), *subject.ranks))

    def _why_nothing(self, subject: Subject) -> str:
        if subject.why_no_score and (self.way() != "layer" or not subject.layers):
            return said(subject.why_no_score)
        if self.way() in ("raw", "rollout") and not subject.layers:
            return tr(
                "This graph has no attention to show. Gradient relevance says what its score rests on without any."
            )
        if self.way() == "layer" or not subject.layers:
            return tr("This graph has no attention to show.")
        return tr("No attention of this run leads from its score to what is shown.")

    def _why_not_measured(self, subject: Subject | None, heat: HeatMap | None) -> str:
        if subject is None or heat is None:
            return tr("There is no map to measure.")
        if self.way() == "layer":
            return tr(
                "Choose the last layer's attention, rollout or gradient relevance: a single head's map is not of the score."
            )
        return (
            ""
            if heat.keys.kind == "patches"
            else tr("Regions are removed from images, spectrograms, frames and words.")
        )

    def _told(self) -> str:
        """What is shown, or what is missing."""
        if self._refusals[FIRST]:
            return said(self._refusals[FIRST])
        subject = self._subjects[FIRST]
        if subject is None:
            return self._missing()
        told = [f"“{subject.sentence}”"] if subject.sentence else []
        if self.way() == "layer" and subject.layers:
            key, head = self.wall.current()
            layer = next((one for one in subject.layers if one.key == key), None)
            told += [f"{layer.title} · {head_title(head)}"] if layer else []
        if subject.lost:
            told.append(tr("{n} maps could not be followed", n=len(subject.lost)))
        return " · ".join(told)

    def _missing(self) -> str:
        uid, step = self.first.choice()
        if not uid:
            return tr("There is no run yet. Press Run, then come back.")
        if step < 0:
            return tr("This run has no checkpoint yet.")
        return tr("Opening the checkpoint…") if self._listed_of[0] else tr("Choose a sample on the left.")
