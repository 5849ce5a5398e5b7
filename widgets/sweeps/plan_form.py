"""The plan of a sweep beside the drawing: what is varied, how, with how many seeds, and how it is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from core.graph.configurations import part_name, shown, sweep_problems, trial_count
from core.graph.document import Document
from core.graph.paths import knob_at, value_at
from core.graph.sweep import MOST_TRIALS, Axis, Sweep
from core.graph.vocabulary import Vocabulary
from core.knobs import Knob, Value
from core.problems import Refused
from widgets.look.language import in_a_row, said, tr
from widgets.look.sides import metric_words
from widgets.look.theme import look, theme
from widgets.sweeps.words import AGAINST, LOWER_IS_BETTER, METRICS, figure_words, plan_words

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def first_axis(document: Document, path: str, words: Vocabulary) -> Axis:
    """A sensible axis for a setting: around what it is now, every choice, or on and off. Raises Refused."""
    knob, now = knob_at(document, path, words), value_at(document, path, words)
    if knob.kind == "switch":
        return Axis(path=path, values=(False, True))
    if knob.kind == "choice":
        return Axis(path=path, values=tuple(knob.choices))
    if knob.kind not in ("integer", "number"):
        return Axis(path=path, values=(now,))
    base = float(now) if isinstance(now, (int, float)) and now else float(knob.high or 1.0) / 4
    found: list[Value] = []
    for factor in FACTORS:
        value: Value = max(1, round(base * factor)) if knob.kind == "integer" else float(f"{base * factor:.3g}")
        if not knob.problem_with(value):
            found.append(value)
    return Axis(path=path, values=tuple(dict.fromkeys(found)))


def parsed(knob: Knob, text: str) -> tuple[Value, ...]:
    """Values between commas. Raises Refused for one that the setting cannot have."""
    return tuple(dict.fromkeys(knob.parse(part.strip()) for part in text.replace("，", ",").split(",") if part.strip()))


def typed(value: Value) -> str:
    """A value as it is typed: read again it is the same, to the last digit."""
    text = shown(value)
    return repr(value) if isinstance(value, float) and float(text) != value else text


class AxisRow(QFrame):
    """One axis: its values as a list, or a range."""

    changed = Signal(object)  # Axis
    removed = Signal(str)  # title

    def __init__(self, axis: Axis, knob: Knob | None) -> None:
        super().__init__()
        self._axis, self._knob = axis, knob
        self.values, self.low, self.high = QLineEdit(), QLineEdit(), QLineEdit()
        self.how, self.count, self.note = QComboBox(), QSpinBox(), QLabel()
        self.remove = QToolButton()
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        name = QLabel(self._axis.title)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setStyleSheet("font-weight: 600;")
        self.remove.setText("×")
        self.remove.setToolTip(tr("Take it out of the sweep"))
        self.remove.setAccessibleName(tr("Take it out of the sweep"))
        self.remove.clicked.connect(lambda: self.removed.emit(self._axis.title))
        top = QHBoxLayout()
        top.addWidget(name, 1)
        top.addWidget(self.remove)
        for key, text in (
            ("values", tr("these values")),
            ("linear", tr("a range")),
            ("logarithmic", tr("a range, in decades")),
        ):
            self.how.addItem(text, key)
        self.how.setAccessibleName(tr("What is tried"))
        self.how.activated.connect(lambda _: self._send_how())
        self.values.setAccessibleName(tr("Values, with commas between"))
        self.low.setAccessibleName(tr("Low end"))
        self.high.setAccessibleName(tr("High end"))
        self.count.setRange(2, 1000)
        self.count.setAccessibleName(tr("Points of a grid"))
        self.values.editingFinished.connect(self._send_values)
        for edit in (self.low, self.high):
            edit.editingFinished.connect(self._send_range)
        self.count.valueChanged.connect(lambda _: self._send_range())
        self.range = QWidget()
        row = QHBoxLayout(self.range)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.low, QLabel("–"), self.high, self.count):
            row.addWidget(widget)
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 8, 8)
        column.setSpacing(5)
        column.addLayout(top)
        for widget in (self.how, self.values, self.range, self.note):
            column.addWidget(widget)
        self.setStyleSheet(f"AxisRow {{ background: {theme().raised}; border-radius: 6px; }}")

    def _show(self) -> None:
        axis, knob = self._axis, self._knob
        numeric = knob is not None and knob.kind in ("integer", "number")
        self.how.setVisible(numeric)
        self.how.setCurrentIndex(0 if not axis.is_range else 2 if axis.logarithmic else 1)
        self.values.setVisible(knob is not None and not axis.is_range)
        self.values.setText(", ".join(map(typed, axis.values)))
        self.range.setVisible(axis.is_range)
        if axis.is_range:
            self.low.setText(typed(axis.low))
            self.high.setText(typed(axis.high))
            self.count.blockSignals(True)
            self.count.setValue(axis.count)
            self.count.blockSignals(False)
        if axis.changes:
            self.say("\n".join(change.name for change in axis.changes[:40]), bad=False)
        else:
            self.say("" if knob else tr("This setting is gone."), bad=True)

    def say(self, text: str, *, bad: bool = True) -> None:
        """A line under the fields."""
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.note.setStyleSheet(f"color: {theme().bad if bad else theme().muted};")

    def _send_values(self) -> None:
        if self._knob is None or self._axis.is_range:
            return
        try:
            values = parsed(self._knob, self.values.text())
        except Refused as refused:
            self.say(said(refused.problems[0].what))
            return
        self.say("" if values else tr("List at least one value."))
        if values and values != self._axis.values:
            self._send(replace(self._axis, values=values))

    def _send_range(self) -> None:
        if self._knob is None or not self._axis.is_range:
            return
        try:
            low, high = (float(self._knob.parse(edit.text().strip()) or 0) for edit in (self.low, self.high))
        except Refused as refused:
            self.say(said(refused.problems[0].what))
            return
        if low >= high or (self._axis.logarithmic and low <= 0):
            self.say(tr("The low end comes first; in decades it must be above 0."))
            return
        self.say("")
        fresh = replace(self._axis, low=low, high=high, count=self.count.value())
        if fresh != self._axis:
            self._send(fresh)

    def _send_how(self) -> None:
        how, axis, knob = self.how.currentData(), self._axis, self._knob
        if knob is None:
            return
        if how == "values":
            now = [axis.low, axis.high] if axis.is_range else list(axis.values)
            whole = knob.kind == "integer"
            listed = tuple(round(v) if whole else v for v in now if isinstance(v, (int, float)))
            self._send(replace(axis, values=listed, low=None, high=None, logarithmic=False, integer=False))
            return
        numbers = [float(v) for v in axis.values if isinstance(v, (int, float))] or [axis.low or 0.0, axis.high or 1.0]
        low, high = min(numbers), max(numbers)
        if how == "logarithmic" and low <= 0:
            low = high / 1000 if knob.kind == "number" else 1.0
        high = high if high > low else low * 10 if low > 0 else low + 1
        self._send(replace(
            axis, values=(), low=low, high=high, logarithmic=how == "logarithmic", integer=knob.kind == "integer"
        ))  # fmt: skip

    def _send(self, axis: Axis) -> None:
        self._axis = axis
        self.changed.emit(axis)


class PlanForm(QWidget):
    """Shows the document's plan and announces another one; None takes the sweep out."""

    planChanged = Signal(object)  # Sweep | None
    runRequested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._words = Document(id="empty"), Vocabulary()
        self._shown: tuple[Any, ...] = ()
        self.rows: dict[str, AxisRow] = {}
        self.method, self.judge, self.direction, self.equal = (QComboBox() for _ in range(4))
        self.trials, self.seeds = QSpinBox(), QSpinBox()
        self.baseline, self.against = QComboBox(), QComboBox()
        self.sharing = QCheckBox(tr("Share the weights of equal parts"))
        self.summary, self.problems = QLabel(), QLabel()
        self.run = QPushButton(tr("Run sweep"))
        self._axes = QVBoxLayout()
        self._lay_out()
        look.changed.connect(self._remake)

    def _lay_out(self) -> None:
        back = QToolButton()
        back.setText("‹ " + tr("Settings"))
        back.clicked.connect(self.closed)
        heading = QLabel(tr("Sweep"))
        heading.setStyleSheet("font-size: 15px; font-weight: 600;")
        top = QHBoxLayout()
        top.addWidget(heading, 1)
        top.addWidget(back)
        self._fill_boxes()
        form = QFormLayout()
        form.setContentsMargins(0, 4, 0, 0)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        for text, widget in (
            (tr("Method"), self.method), (tr("Configurations to try"), self.trials), (tr("Seeds"), self.seeds), (tr("Metric"), self.judge),
            (tr("Better is"), self.direction), (tr("Weighed against"), self.against),
            (tr("Held equal"), self.equal), (tr("Baseline"), self.baseline),
        ):  # fmt: skip
            widget.setAccessibleName(text)
            form.addRow(text, widget)
        self.sharing.setToolTip(
            tr(
                "For a search, not for a comparison: what a trial has in common with an earlier one that began anew, with all that lies before it, begins with its weights. Such trials are trained for longer than their steps."
            )
        )
        form.addRow(self.sharing)
        self._trials_label = form.labelForField(self.trials)
        self.seeds.setToolTip(
            tr("Every configuration is trained with the same seeds, so that configurations are compared in pairs.")
        )
        self.against.setToolTip(
            tr(
                "A cost: which configurations no other beats in both is told and drawn, and a Bayesian search looks for them."
            )
        )
        self.equal.setToolTip(
            tr("Samples and compute set the steps of each configuration so that all see or cost as much.")
        )
        for label in (self.summary, self.problems):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.run.setProperty("primary", True)
        self.run.clicked.connect(self.runRequested)
        drop = QPushButton(tr("Remove the sweep"))
        drop.clicked.connect(lambda: self.planChanged.emit(None))
        hint = QLabel(tr("Right-click any setting to sweep it as well."))
        hint.setProperty("muted", True)
        hint.setWordWrap(True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(self._axes)
        column.addWidget(hint)
        column.addLayout(form)
        column.addWidget(drop)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(14, 6, 14, 12)
        for widget in (self.summary, self.problems, self.run):
            foot.addWidget(widget)
        outer.addLayout(foot)

    def _fill_boxes(self) -> None:
        for box, entries in (
            (self.method, (("grid", tr("every combination")), ("random", tr("random search")), ("bayesian", tr("Bayesian search (TPE)")))),
            (self.direction, (("higher", tr("higher")), ("lower", tr("lower")))),
            (self.equal, (("steps", tr("steps")), ("samples", tr("samples")), ("compute", tr("compute")))),
        ):  # fmt: skip
            for key, text in entries:
                box.addItem(text, key)
        self.against.addItem(tr("no cost"), "")
        for cost in AGAINST:
            self.against.addItem(figure_words(cost), cost)
        for metric in METRICS:
            self.judge.addItem(metric_words(metric), metric)
        self.judge.setEditable(True)
        self.judge.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        for box in (self.method, self.direction, self.equal, self.judge, self.baseline, self.against):
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for spin in (self.trials, self.seeds):
            spin.setRange(1, MOST_TRIALS)
        self.method.activated.connect(lambda _: self._change(method=self.method.currentData()))
        self.direction.activated.connect(lambda _: self._change(direction=self.direction.currentData()))
        self.equal.activated.connect(lambda _: self._change(equal=self.equal.currentData()))
        self.against.activated.connect(lambda _: self._change(against=self.against.currentData()))
        self.baseline.activated.connect(lambda index: self._change(baseline=self.baseline.itemData(index)))
        self.judge.activated.connect(lambda _: self._change_metric())
        self.judge.lineEdit().editingFinished.connect(self._change_metric)
        self.sharing.clicked.connect(lambda on: self._change(share_weights=on))
        self.trials.valueChanged.connect(lambda value: self._change(trials=value))
        self.seeds.valueChanged.connect(lambda value: self._change(seeds=value))

    def set_vocabulary(self, words: Vocabulary) -> None:
        """The settings there are."""
        self._words = words
        self._shown = ()
        self.set_document(self._document)

    def set_document(self, document: Document) -> None:
        """Show a document's plan; one without a sweep shows how to begin."""
        self._document = document
        sweep = document.sweep or Sweep()
        if self._shown != sweep.axes:
            self._remake()
        for box, value in ((self.method, sweep.method), (self.direction, sweep.direction), (self.equal, sweep.equal)):
            box.setCurrentIndex(box.findData(value))
        if sweep.against and self.against.findData(sweep.against) < 0:  # any series that runs say may be weighed
            self.against.addItem(figure_words(sweep.against), sweep.against)
        self.against.setCurrentIndex(self.against.findData(sweep.against))
        if not self.judge.lineEdit().hasFocus():
            self.judge.setEditText(metric_words(sweep.metric) if sweep.metric in METRICS else sweep.metric)
        for spin, number in ((self.trials, sweep.trials), (self.seeds, sweep.seeds)):
            spin.blockSignals(True)
            spin.setValue(number)
            spin.blockSignals(False)
        self.sharing.setChecked(sweep.share_weights)
        searching = sweep.method != "grid"
        self.trials.setVisible(searching)
        self._trials_label.setVisible(searching)
        self._show_baselines(sweep)
        problems = sweep_problems(document, self._words) if document.sweep else []
        self.problems.setText("\n".join(in_a_row(said(problem.what), said(problem.hint)) for problem in problems[:4]))
        self.problems.setStyleSheet(f"color: {theme().bad};")
        self.problems.setVisible(bool(problems))
        self.summary.setText(plan_words(sweep, *trial_count(sweep)) if sweep.axes else tr("Nothing is varied yet."))
        self.run.setEnabled(bool(sweep.axes) and not problems)

    def _show_baselines(self, sweep: Sweep) -> None:
        names = [change.name for axis in sweep.axes for change in axis.changes]
        names += [part_name(axis, value) for axis in sweep.axes for value in axis.values]
        self.baseline.clear()
        self.baseline.addItem(tr("the first configuration"), "")
        for name in names[:200]:
            self.baseline.addItem(name, name)
        self.baseline.setCurrentIndex(max(0, self.baseline.findData(sweep.baseline)))

    def _remake(self) -> None:
        sweep = self._document.sweep or Sweep()
        self._shown = sweep.axes
        for old in self.rows.values():
            self._axes.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.rows = {axis.title: AxisRow(axis, self._knob(axis)) for axis in sweep.axes}
        for row in self.rows.values():
            row.changed.connect(self._change_axis)
            row.removed.connect(self._remove)
            self._axes.addWidget(row)

    def _knob(self, axis: Axis) -> Knob | None:
        try:
            return knob_at(self._document, axis.path, self._words) if axis.path else None
        except Refused:
            return None

    def _change_axis(self, axis: Axis) -> None:
        sweep = self._document.sweep or Sweep()
        self.planChanged.emit(sweep.with_axis(axis))

    def _remove(self, title: str) -> None:
        left = (self._document.sweep or Sweep()).without_axis(title)
        self.planChanged.emit(left if left.axes else None)

    def _change_metric(self) -> None:
        text = self.judge.currentText().strip()
        known = self.judge.findText(text)
        text = self.judge.itemData(known) if known >= 0 else text  # any other series may be typed
        if text and text != (self._document.sweep or Sweep()).metric:
            self._change(metric=text, direction="lower" if text in LOWER_IS_BETTER else "higher")

    def _change(self, **fields: Any) -> None:
        sweep = self._document.sweep
        if sweep is not None and (fresh := replace(sweep, **fields)) != sweep:
            self.planChanged.emit(fresh)
