"""The document: its name, its note and the recipe."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QPushButton

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.recipe import Recipe
from core.graph.staging import rates_of, three_stages
from core.graph.subgraphs.flat import flattened
from core.graph.vocabulary import OptionSpec
from core.knobs import knobs_of
from widgets.inspector.form import KnobForm
from widgets.inspector.mixing import Mixing
from widgets.inspector.options import OneOf, Switches
from widgets.inspector.page import Page
from widgets.inspector.parts import Facts, heading, separator
from widgets.inspector.stages import Stages
from widgets.look import quantities
from widgets.look.language import tr
from widgets.look.titles import titles_of, vocabulary

LONGEST_NOTE = 8_000


class NoteEdit(QPlainTextEdit):
    """A text that says when it is left."""

    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()


class DocumentPage(Page):
    """Shows a document's own settings."""

    recipeChanged = Signal(dict)  # fields of the Recipe
    nameChanged = Signal(str)
    noteChanged = Signal(str)
    sweepRequested = Signal(str)  # path
    rateRequested = Signal()
    stageRequested = Signal(int)  # a stage is to run by itself
    stagesRequested = Signal()  # the three of a language model that sees

    def __init__(self) -> None:
        super().__init__()
        self._document, self._analysis = Document(id="empty"), Analysis()
        self._options: tuple[OptionSpec, ...] = ()
        self.name, self.note, self.form = QLineEdit(), NoteEdit(), KnobForm()
        self.optimizer, self.schedule = OneOf(tr("Optimiser")), OneOf(tr("Schedule"))
        self.mix = Mixing()
        self.batching = OneOf(tr("Batches"))
        self.callbacks, self.diagnostics, self.stages = (
            Switches(tr("Training options")),
            Switches(tr("Diagnostics")),
            Stages(),
        )
        self._facts = Facts(())
        self.change_rate = QPushButton(tr("Change the learning rate of the run…"))
        self.set_trains(False)
        self._set_up()
        self._connect()

    def _set_up(self) -> None:
        self.name.setAccessibleName(tr("Name of the experiment"))
        self.name.setMaxLength(200)
        self.name.setStyleSheet(
            "QLineEdit { font-size: 15px; font-weight: 600; border: none; background: transparent; }"
        )
        self.note.setAccessibleName(tr("Note"))
        self.note.setPlaceholderText(tr("What this experiment is for, in a sentence or two"))
        self.note.setFixedHeight(66)
        self.note.setTabChangesFocus(True)
        self.add(
            self.name, self.note, self._facts, separator(), heading(tr("Training recipe")), self.change_rate, self.form
        )
        self._rule = separator()
        self.add(self._rule, self.mix)
        for part in (self.optimizer, self.schedule, self.batching, self.stages, self.callbacks, self.diagnostics):
            self.add(separator(), part)
        self.finish()

    def _connect(self) -> None:
        self.name.editingFinished.connect(self._rename)
        self.note.left.connect(self._write_note)
        self.change_rate.clicked.connect(self.rateRequested)
        self.form.set_owner("recipe")
        for part in (self.form, self.mix, self.callbacks, self.diagnostics):
            part.sweepRequested.connect(self.sweepRequested)
        self.form.changed.connect(lambda name, value: self.recipeChanged.emit({name: value}))
        self.optimizer.changed.connect(lambda choice: self.recipeChanged.emit({"optimizer": choice}))
        self.schedule.changed.connect(lambda choice: self.recipeChanged.emit({"schedule": choice}))
        self.batching.changed.connect(lambda choice: self.recipeChanged.emit({"batching": choice}))
        self.stages.changed.connect(lambda stages: self.recipeChanged.emit({"stages": stages}))
        self.stages.runWanted.connect(self.stageRequested)
        self.stages.threeWanted.connect(self.stagesRequested)
        self.mix.changed.connect(lambda mix: self.recipeChanged.emit({"mix": mix}))
        self.callbacks.changed.connect(lambda entries: self.recipeChanged.emit({"callbacks": entries}))
        self.diagnostics.changed.connect(lambda entries: self.recipeChanged.emit({"diagnostics": entries}))

    def set_trains(self, trains: bool) -> None:
        """Whether a run of this document trains. The command keeps its place: a start must not move what is below it."""
        self.change_rate.setEnabled(trains)
        self.change_rate.setToolTip("" if trains else tr("No run of this document trains now."))

    def set_options(self, options: tuple[OptionSpec, ...]) -> None:
        """The callbacks, diagnostics, optimisers, schedules and ways of batching there are."""
        self._options = options
        self._show_recipe()

    def show_document(self, document: Document, analysis: Analysis) -> None:
        """Show this document."""
        self._document, self._analysis = document, analysis
        if not (self.name.hasFocus() and self.name.isModified()):
            self.name.setText(document.name)
            self.name.setCursorPosition(0)  # a long one is read from its beginning
        if not self.note.hasFocus() and self.note.toPlainText() != document.note:
            self.note.setPlainText(document.note)
        self._show_recipe()
        fresh = Facts(_totals(analysis) if analysis.parameters else ())
        self.lines.replaceWidget(self._facts, fresh)
        self._facts.deleteLater()
        self._facts = fresh

    def _show_recipe(self) -> None:
        recipe = self._document.recipe
        knobs = knobs_of(Recipe)
        self.form.show_knobs(knobs, {knob.name: getattr(recipe, knob.name) for knob in knobs})
        self.mix.show_document(self._document)
        self._rule.setVisible(not self.mix.isHidden())
        self.optimizer.show_options(self._of("optimizer"), recipe.optimizer)
        self.schedule.show_options(self._of("schedule"), recipe.schedule)
        self.batching.show_options(self._of("batching"), recipe.batching)
        trains = [self._trains(number) for number in range(len(recipe.stages))]
        self.stages.show_stages(recipe, trains, may_be_three=bool(three_stages(self._document, vocabulary())))
        self.callbacks.show_options(self._of("callback"), recipe.callbacks)
        self.diagnostics.show_options(self._of("diagnostic"), recipe.diagnostics)

    def _trains(self, stage: int) -> str:
        """What learns in a stage, each with its rate; empty until the drawing was analysed."""
        drawn = flattened(self._document).document
        learning = [key for key, facts in self._analysis.nodes.items() if facts.parameters and key in drawn.nodes]
        if not learning:
            return ""
        titles, rates = titles_of(self._document), rates_of(drawn, stage, learning)
        found = ", ".join(f"{titles[key]} {rate:g}" for key, rate in rates.items())
        return tr("trains {blocks}", blocks=found) if found else tr("trains nothing")

    def _of(self, family: str) -> tuple[OptionSpec, ...]:
        return tuple(option for option in self._options if option.family == family)

    def _rename(self) -> None:
        if self.name.isModified() and self.name.text().strip():
            self.name.setModified(False)
            self.nameChanged.emit(self.name.text().strip())

    def _write_note(self) -> None:
        text = self.note.toPlainText()[:LONGEST_NOTE]
        if text != self._document.note:
            self.noteChanged.emit(text)


def _totals(analysis: Analysis) -> list[tuple[str, str]]:
    lines = [(
        tr("Model"),
        tr("{all} parameters, {trained} trained", all=quantities.count(analysis.parameters), trained=quantities.count(analysis.trained_parameters)),
    )]  # fmt: skip
    cost = [tr("{flops} per example", flops=quantities.flops(analysis.flops))] if analysis.flops else []
    cost += [tr("{size} in training", size=quantities.mebibytes(analysis.mebibytes))] if analysis.mebibytes else []
    cost += [tr("about {time}", time=quantities.duration(analysis.seconds))] if analysis.seconds else []
    return [*lines, *([(tr("Cost"), " · ".join(cost))] if cost else [])]
