"""What flows out of the selected block for one real sample, before anything is trained; and what one step of training does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.graph.inside import FRESH, Inside, StepTold, Weights
from core.problems import Problem
from widgets.inside.flow_view import FlowView, line
from widgets.inside.tables import StepView, costs_table
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.problem_row import ProblemRow
from widgets.look.theme import look


class InsidePanel(QWidget):
    """Draws what it is given and announces wishes; the sample and the weights are chosen here."""

    shown = Signal()  # it can be seen now
    sampleChosen = Signal(str, int)  # split (empty: as it is), place in it
    sourceChosen = Signal(str)
    weightsChosen = Signal(object)  # Weights
    weightsWanted = Signal()  # which there are; answer with offer_weights
    runRequested = Signal()
    stepRequested = Signal()
    forgetRequested = Signal()
    nodeRequested = Signal(str)
    fixRequested = Signal(object)  # Problem

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.inside: Inside | None = None
        self.told: StepTold | None = None
        self.problems: tuple[Problem, ...] = ()
        self._titles: Mapping[str, str] = {}
        self._costs_of = ""  # the node that was run to by name
        self._make()
        look.changed.connect(self._show)
        self.show_nothing()

    def _make(self) -> None:
        self.title, self.state = line("", bold=True), line("", muted=True)
        self.split, self.source, self.weights = QComboBox(), QComboBox(), _Late()
        self.before, self.after, self.place = QToolButton(), QToolButton(), QLabel()
        self.run, self.step, self.forget = (
            QPushButton(words) for words in (tr("Run to here"), tr("One step"), tr("Forget"))
        )
        self.step.setToolTip(tr("One training step of the graph in memory; nothing is kept. (F10)"))
        self.forget.setToolTip(tr("Let the steps go: the next one begins anew."))
        self.run.setToolTip(tr("Run what leads to this block, and say what each block took. (Ctrl+F10)"))
        for button, words, name in (
            (self.before, "‹", tr("The sample before")),
            (self.after, "›", tr("The next sample")),
        ):
            button.setText(words)
            button.setToolTip(plain_tip(name))
            button.setAccessibleName(name)
        for box in (self.split, self.source):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(9)
        self.split.setAccessibleName(tr("Split"))
        self.source.setAccessibleName(tr("Source"))
        self.weights.setAccessibleName(tr("Weights"))
        self.before.clicked.connect(lambda: self._turn(-1))
        self.after.clicked.connect(lambda: self._turn(1))
        self.split.activated.connect(lambda: self.sampleChosen.emit(self.split.currentData(), 0))
        self.source.activated.connect(lambda: self.sourceChosen.emit(self.source.currentData()))
        self.weights.activated.connect(lambda: self.weightsChosen.emit(self.weights.currentData()))
        self.weights.opened.connect(self.weightsWanted)
        self.run.clicked.connect(self.runRequested)
        self.step.clicked.connect(self.stepRequested)
        self.forget.clicked.connect(self.forgetRequested)
        self._lay_out()
        self.offer_weights([(tr("Fresh weights"), FRESH)], FRESH)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 6)
        column.setSpacing(6)
        sample = QHBoxLayout()
        sample.setSpacing(4)
        for widget in (self.split, self.before, self.place, self.after):
            sample.addWidget(widget)
        sample.addStretch(1)
        buttons = QHBoxLayout()
        for button in (self.run, self.step, self.forget):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addWidget(self.title)
        column.addWidget(self.state)
        self._list, whole, self._lines = QWidget(), QVBoxLayout(), QVBoxLayout()
        self._list.setLayout(whole)
        whole.setContentsMargins(0, 0, 6, 4)
        whole.setSpacing(6)
        whole.addLayout(sample)
        whole.addWidget(self.source)
        whole.addWidget(self.weights)
        whole.addLayout(buttons)
        whole.addLayout(self._lines, 1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._list)
        self._area.setAccessibleName(tr("Inside the block"))
        column.addWidget(self._area, 1)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()

    # What is shown

    def show_nothing(self, words: str = "") -> None:
        """No block, or several."""
        self.inside, self.problems = None, ()
        self.title.setText(tr("Inside"))
        self.state.setText(words or tr("Select one block to see what flows out of it for one sample."))
        self._show()

    def show_busy(self, title: str, words: str = "") -> None:
        """It is computed; what was shown before stays, and is said to be stale."""
        self.title.setText(title)
        is_other = self.inside is not None and self._titles.get(self.inside.wish.node) != title
        if is_other:
            self.inside, self.problems = None, ()
            self._show()
        stale = self.inside is not None or bool(self.problems)
        self.state.setText(words or (tr("Out of date · computing…") if stale else tr("Computing…")))

    def show_inside(self, inside: Inside, titles: Mapping[str, str], *, with_costs: bool = False) -> None:
        """What flows out of a node."""
        if with_costs:
            self._costs_of = inside.wish.node
        self.inside, self.problems, self._titles = inside, (), titles
        self.title.setText(titles.get(inside.wish.node, inside.wish.node))
        waits = any(flow.awaits_neighbours for flow in inside.flows)
        self.state.setText(tr("Computing…") if waits else self._state_of(inside))
        self._show_choices(inside)
        self._show()

    def _state_of(self, inside: Inside) -> str:
        known = tr("Up to date · everything was known") if not inside.ran else tr("Up to date · {ran} of {all} blocks run", ran=inside.ran, all=len(inside.costs))  # fmt: skip
        if not inside.costs:
            known = tr("Up to date")
        several = tr("{n} samples together", n=inside.together) if inside.together > 1 else ""
        return " · ".join(filter(None, (inside.label, several, known)))

    def _show_choices(self, inside: Inside) -> None:
        wish = inside.wish
        self.split.clear()
        for name, count in inside.splits.items():
            self.split.addItem(f"{tr(name, 'split')} · {count:,}", name)
        self.split.setCurrentIndex(self.split.findData(wish.split))
        self.place.setText(f"{wish.place + 1:,} / {inside.splits[wish.split]:,}")
        self.source.clear()
        for source in inside.sources:
            self.source.addItem(self._titles.get(source, source), source)
        self.source.setCurrentIndex(self.source.findData(wish.source))

    def show_problems(self, problems: Sequence[Problem], title: str, titles: Mapping[str, str]) -> None:
        """Why there is nothing to show: the block, the sentence, and what to do."""
        self.inside, self.problems, self._titles = None, tuple(problems), titles
        self.title.setText(title)
        self.state.setText(tr("This block cannot be looked into yet."))
        self._show()

    def show_step(self, told: StepTold | None, titles: Mapping[str, str]) -> None:
        """What the last step did; None: no step was taken."""
        self.told, self._titles = told, {**self._titles, **titles}
        self._show()

    def offer_weights(self, choices: Sequence[tuple[str, Weights]], now: Weights) -> None:
        """With which weights the drawing can be looked at, and which are in use."""
        self.weights.clear()
        for words, weights in choices:
            self.weights.addItem(words, weights)
        place = next((n for n, (_, weights) in enumerate(choices) if weights.token == now.token), 0)
        self.weights.setCurrentIndex(place)
        self.weights.setToolTip(plain_tip(self.weights.currentText()))

    def _show(self) -> None:
        while (item := self._lines.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for widget in self._parts():
            self._lines.addWidget(widget)
        self._lines.addStretch(1)
        chosen = self.inside is not None
        for widget in (self.split, self.before, self.place, self.after):
            widget.setVisible(chosen)
        self.source.setVisible(self.inside is not None and len(self.inside.sources) > 1)
        self.run.setEnabled(chosen)
        self.forget.setEnabled(self.told is not None)

    def _parts(self) -> list[QWidget]:
        parts: list[QWidget] = []
        if self.told is not None:
            step = StepView(self.told, self._titles)
            step.nodeRequested.connect(self.nodeRequested)
            parts.append(step)
        for problem in self.problems:
            parts.append(self._row(problem))
        if self.inside is not None and self._costs_of == self.inside.wish.node and self.inside.costs:
            table = costs_table(self.inside.costs, self._titles)
            table.nodeRequested.connect(self.nodeRequested)
            parts += [line(tr("What running to here took"), muted=True), table]
        return parts + [FlowView(flow) for flow in (self.inside.flows if self.inside is not None else ())]

    def _row(self, problem: Problem) -> ProblemRow:
        row = ProblemRow(
            problem, tr("Go there: {name}", name=self._titles.get(problem.node, problem.node)) if problem.node else ""
        )
        row.activated.connect(lambda: self.nodeRequested.emit(problem.node) if problem.node else None)
        row.fixPressed.connect(lambda: self.fixRequested.emit(problem))
        return row

    def _turn(self, by: int) -> None:
        if self.inside is not None:
            count = self.inside.splits[self.inside.wish.split]
            self.sampleChosen.emit("", (self.inside.wish.place + by) % count)


class _Late(QComboBox):
    """Says that it is opened, so that what it offers is looked up only then."""

    opened = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def showPopup(self) -> None:
        self.opened.emit()
        super().showPopup()
