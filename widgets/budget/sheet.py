"""The budget of a run before it begins: time, memory, disk; where they go, by part and by block; cheaper plans beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from core.graph.budget.learning import DISK, MEMORY, SECONDS, Ratios, corrected
from core.graph.budget.measured import Measured
from core.graph.budget.predicting import MEBIBYTE, Budget
from widgets.budget.bars import BarTable, Row
from widgets.budget.plans import PlanList, PlanRow
from widgets.look import quantities
from widgets.look.language import in_a_row, tr
from widgets.look.theme import look, theme

NOTHING = "–"
SIZE, LEFT, RIGHT = (960, 640), 560, 400  # pixels
PARTS = {
    "preparation": "Preparation", "steps": "Training steps", "evaluation": "Evaluation", "checkpoints": "Checkpoints",
}  # fmt: skip


class BudgetSheet(QDialog):
    """Draws what it is given and announces wishes."""

    measureRequested = Signal()
    cancelRequested = Signal()
    planMeasureRequested = Signal(str)  # a plan's key
    planApplied = Signal(str)
    nodeRequested = Signal(str)
    forgetRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Budget"))
        self.resize(*SIZE)
        self.state, self.measure, self.forget = QLabel(), QPushButton(), QPushButton(tr("Forget earlier runs"))
        self.state.setWordWrap(True)
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.is_busy, self._severity = False, "hint"
        self.figures = {kind: Figure(title) for kind, title in (
            (SECONDS, tr("Whole run")), ("step", tr("One step")), (MEMORY, tr("Peak memory")), (DISK, tr("Disk, at most")),
        )}  # fmt: skip
        self.parts = BarTable(tr("Time by part"), [tr("Part"), tr("Times"), tr("Each"), tr("In all")])
        self.blocks = BarTable(tr("Time and memory by block"), [tr("Block"), tr("Forward"), tr("Backward"), tr("Kept")])
        self.plans, self.note = PlanList(), QLabel()
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self._arrange()
        self.measure.clicked.connect(lambda: (self.cancelRequested if self.is_busy else self.measureRequested).emit())
        self.forget.clicked.connect(self.forgetRequested)
        self.blocks.rowChosen.connect(self.nodeRequested)
        self.plans.measureRequested.connect(self.planMeasureRequested)
        self.plans.applyRequested.connect(self.planApplied)
        look.changed.connect(self._restyle)
        self.set_state("", busy=False)
        self.show_budget(None, None, Ratios(), {})

    def _arrange(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.state, 1)
        top.addWidget(self.forget)
        top.addWidget(self.measure)
        numbers = QHBoxLayout()
        numbers.setSpacing(10)
        for figure in self.figures.values():
            numbers.addWidget(figure, 1)
        left, right = QWidget(), QWidget()
        self.columns = QSplitter()
        for side, things in (
            (left, (_head(tr("Where the time goes")), self.parts, _head(tr("By block: one pass, and what it keeps for the way back")), self.blocks)),
            (right, (_head(tr("Cheaper plans")), self.plans)),
        ):  # fmt: skip
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            for thing in things:
                column.addWidget(thing, int(not isinstance(thing, QLabel)))
            self.columns.addWidget(side)
        self.columns.setChildrenCollapsible(False)
        self.columns.setHandleWidth(16)
        self.columns.setSizes([LEFT, RIGHT])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(14, 12, 14, 12)
        whole.setSpacing(10)
        whole.addLayout(top)
        whole.addLayout(numbers)
        whole.addWidget(self.columns, 1)
        whole.addWidget(self.note)
        self.measure.setDefault(True)

    def set_state(self, words: str, *, busy: bool, severity: str = "hint") -> None:
        """What is going on: measuring (the button then cancels), measured, measured for an older drawing, or why not."""
        self.is_busy, self._severity = busy, severity
        self.state.setText(words)
        self.measure.setText(tr("Cancel") if busy else tr("Measure"))
        self._restyle()

    def show_budget(
        self, budget: Budget | None, measured: Measured | None, ratios: Ratios, titles: Mapping[str, str],
        free_mebibytes: float = math.inf,
    ) -> None:  # fmt: skip
        """The numbers, and where they go; nothing where nothing was measured. ``free_mebibytes``: memory that a run could have now."""
        self.forget.setVisible(any(ratios.factor(kind) != 1.0 for kind in (SECONDS, MEMORY)))
        if budget is None or measured is None:
            for figure in self.figures.values():
                figure.show_value(NOTHING, "")
            self.parts.set_rows([])
            self.blocks.set_rows([])
            self.note.setText("")
            return
        right = corrected(budget, ratios)
        self.figures[SECONDS].show_value(quantities.duration(right[SECONDS]), _correction(ratios, SECONDS))
        data = sum(one.weight * one.data.seconds for one in measured.steps)
        below = tr("{time} of it makes the batch", time=milliseconds(data))
        self.figures["step"].show_value(milliseconds(budget.step.seconds), below)
        below = _correction(ratios, MEMORY)
        below = below or tr("{size} of it is Python and PyTorch", size=quantities.mebibytes(budget.base_mebibytes))
        is_short = right[MEMORY] > free_mebibytes
        below = tr("only {size} are free", size=quantities.mebibytes(free_mebibytes)) if is_short else below
        self.figures[MEMORY].show_value(quantities.mebibytes(right[MEMORY]), below, is_bad=is_short)
        self.figures[DISK].show_value(
            quantities.mebibytes(budget.disk_mebibytes),
            tr("{size} of it the record", size=quantities.mebibytes(budget.record_mebibytes)),
        )
        self.parts.set_rows(_parts(budget))
        self.blocks.set_rows(_blocks(measured, titles))
        self.note.setText(_note(budget, measured))

    def show_plans(self, rows: Sequence[PlanRow]) -> None:
        """The plans that the drawing has room for."""
        self.plans.set_rows(rows, enabled=not self.is_busy)

    def _restyle(self) -> None:
        colours = {"error": theme().bad, "warning": theme().warning}
        self.state.setStyleSheet(f"color: {colours.get(self._severity, theme().muted)};")
        self.note.setStyleSheet(f"color: {theme().muted};")
        for figure in self.figures.values():
            figure.restyle()


class Figure(QFrame):
    """A number with its title above and what it is made of below."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title, self.value, self._below = QLabel(title), QLabel(), QLabel()
        self._is_bad = False
        self.setObjectName("figure")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(2)
        for label in (self._title, self.value, self._below):
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        self._below.setWordWrap(True)
        self.restyle()

    def show_value(self, value: str, below: str, *, is_bad: bool = False) -> None:
        """Another number; ``is_bad``: it stands against a run."""
        self._is_bad = is_bad
        self.restyle()
        self.value.setText(value)
        self._below.setText(below)
        self.setAccessibleName(in_a_row(self._title.text(), value, below))

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(f"#figure {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 6px; }}")
        self._title.setStyleSheet(f"color: {c.muted};")
        self.value.setStyleSheet("font-size: 20px; font-weight: 600;" + (f" color: {c.bad};" if self._is_bad else ""))
        self._below.setStyleSheet(f"color: {c.muted}; font-size: 11px;")


def _parts(budget: Budget) -> list[Row]:
    whole = max(budget.whole.seconds, 1e-9)
    return [
        Row(
            key=part.what, share=part.whole.seconds / whole,
            cells=(
                tr(PARTS.get(part.what, part.what)), f"{part.count:,.0f}", milliseconds(part.each.seconds),
                quantities.duration(part.whole.seconds),
            ),
        )
        for part in sorted(budget.parts, key=lambda part: -part.whole.seconds)
    ]  # fmt: skip


def _blocks(measured: Measured, titles: Mapping[str, str]) -> list[Row]:
    whole = max(sum(one.forward + one.backward for one in measured.nodes), 1e-12)
    return [
        Row(
            key=one.node, share=(one.forward + one.backward) / whole,
            cells=(
                titles.get(one.node, one.node), milliseconds(one.forward) if one.forward else NOTHING,
                milliseconds(one.backward) if one.backward else NOTHING,
                quantities.mebibytes(one.saved_bytes / MEBIBYTE) if one.saved_bytes else NOTHING,
            ),
        )
        for one in sorted(measured.nodes, key=lambda one: -(one.forward + one.backward))
    ]  # fmt: skip


def _correction(ratios: Ratios, kind: str) -> str:
    factor = ratios.factor(kind)
    return (
        "" if factor == 1.0 else tr("corrected by {factor} from {n} runs", factor=f"{factor:.2f}", n=ratios.count(kind))
    )


def _note(budget: Budget, measured: Measured) -> str:
    taken = sum(one.steps for one in measured.steps)
    threads = tr("1 thread") if measured.threads == 1 else tr("{n} threads", n=measured.threads)
    parts = [tr("From {n} steps on {device}, {threads}.", n=taken, device=measured.device, threads=threads)]
    if budget.gpu_mebibytes:
        parts.append(tr("Peak memory of the GPU: {size}.", size=quantities.mebibytes(budget.gpu_mebibytes)))
    if measured.evaluation_share < 1:
        share = f"{100 * measured.evaluation_share:.0f} %"
        parts.append(tr("An evaluation was measured on {share} of its samples.", share=share))
    if measured.left_out:
        parts.append(
            tr("Not in these numbers: {options}.", options=", ".join(tr(title) for title in measured.left_out))
        )
    return " ".join(parts)


def milliseconds(seconds: float) -> str:
    """A short time."""
    return tr("{ms} ms", ms=f"{1000 * seconds:.3g}") if seconds < 1 else quantities.duration(seconds)


def _head(words: str) -> QLabel:
    label = QLabel(words)
    label.setStyleSheet("font-weight: 600;")
    return label
