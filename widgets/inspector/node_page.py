"""One node: what it is, its knobs, how it is trained, what it gives and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from core.graph.analysis import NodeFacts
from core.graph.document import Document
from core.graph.recipe import Recipe, Rule
from core.graph.subgraphs.definitions import definition_of
from core.graph.vocabulary import BlockSpec
from core.knobs import Value
from widgets.inspector.film_strip import FilmStripView
from widgets.inspector.form import KnobForm, shown
from widgets.inspector.page import Page
from widgets.inspector.parts import Facts, Papers, Segments, heading, repeat_knob, rule_knobs, separator, text_label
from widgets.inspector.pausing import PausingLine
from widgets.inspector.sharing import SharingLine
from widgets.inspector.table_preview import TablePreview
from widgets.look import quantities
from widgets.look.language import tr
from widgets.look.titles import titles_of


class NodePage(Page):
    """Shows one node; made anew for another node or block."""

    knobChanged = Signal(str, object)  # name, value
    ruleChanged = Signal(dict)  # fields of a Rule, and "stage" where it is for one stage
    repeatChanged = Signal(int)
    titleChanged = Signal(str)
    linkRequested = Signal(str)
    sweepRequested = Signal(str)  # path
    nodeRequested = Signal(str)  # another node: go there
    commandRequested = Signal(str)  # a method of the canvas
    borderRequested = Signal(
        str, dict, str
    )  # a function of core.graph.subgraphs.borders, its keywords, name of the edit

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        self._spec = spec
        self._document: Document | None = None
        self._node = ""
        self.title = QLineEdit()
        self.title.setAccessibleName(tr("Title"))
        self.title.setPlaceholderText(tr(spec.title))
        self.title.setMaxLength(200)
        self.title.setStyleSheet(
            "QLineEdit { font-size: 15px; font-weight: 600; border: none; background: transparent; }"
        )
        self.title.editingFinished.connect(self._retitle)
        self.form, self.repeat, self.training = KnobForm(), KnobForm(), TrainingGroup()
        self.preview, self.sharing, self.pausing = TablePreview(), SharingLine(), PausingLine()
        takes_clips = any(port.kind == "clip" for port in spec.takes)
        self.film = FilmStripView() if takes_clips else None
        self.sharing.nodeRequested.connect(self.nodeRequested)
        self.sharing.commandRequested.connect(self.commandRequested)
        self.pausing.commandRequested.connect(self.commandRequested)
        self.form.changed.connect(self.knobChanged)
        self.form.showRequested.connect(self._show_on_subgraph)
        self.copied = text_label("")
        self.enter = QPushButton(tr("Enter the subgraph"))
        self.enter.clicked.connect(lambda: self.commandRequested.emit("enter_selected"))
        self.repeat.changed.connect(lambda _, value: self.repeatChanged.emit(value))
        self.training.ruleChanged.connect(self.ruleChanged)
        for form in (self.form, self.repeat, self.training.form):
            form.sweepRequested.connect(self.sweepRequested)
        self._facts: QWidget = QWidget()
        self._build()

    def _build(self) -> None:
        spec = self._spec
        self.add(self.title, text_label(tr(spec.family), muted=True))
        self.add(text_label(tr(spec.summary)), self.enter, self.copied, self.sharing, self.pausing)
        if spec.origin:
            self.add(text_label(tr("Your own block, from {origin}", origin=breakable(spec.origin)), muted=True))
        if spec.papers:
            papers = Papers(spec.papers)
            papers.linkRequested.connect(self.linkRequested)
            self.add(papers)
        if spec.knobs:
            self.add(separator(), self.form, self.preview)
        if self.film is not None:
            self.add(self.film)
        if spec.repeatable:
            self.add(self.repeat)
        self._training_line = separator()
        self.add(self._training_line, self.training, self._facts)
        self.finish()

    def show_node(
        self,
        document: Document,
        node: str,
        facts: NodeFacts | None,
        of_copy: Mapping[str, Value] = MappingProxyType({}),
    ) -> None:
        """Show this node's values. ``of_copy``: inside a subgraph, what the copy that was entered sets otherwise."""
        self._document, self._node = document, node
        here = document.nodes[node]
        self.form.set_owner(node)
        self.repeat.set_owner(node)
        self.training.form.set_owner(f"rules.{node}")
        if not (self.title.hasFocus() and self.title.isModified()):
            self.title.setText(here.title or tr(self._spec.title))
            self.title.setCursorPosition(0)  # a long one is read from its beginning
        self.sharing.show_node(document, node, titles_of(document).__getitem__)
        self.enter.setVisible(definition_of(document.definitions, here) is not None)
        self._show_border(document, node, of_copy)
        self.form.show_knobs(self._spec.knobs, here.knobs)
        if self._spec.repeatable:
            self.repeat.show_knobs((repeat_knob(),), {"repeat": here.repeat})
        trains = self._spec.role in ("block", "objective") and (
            facts is None or facts.parameters + facts.shared_parameters > 0
        )
        self.training.setVisible(trains)
        self._training_line.setVisible(trains)
        self.training.show_rules(document.recipe, document.owner(node))
        self._show_facts(facts)

    def _show_border(self, document: Document, node: str, of_copy: Mapping[str, Value]) -> None:
        """Which settings copies can set, and what the one that was entered does set."""
        inside = document.definitions.get(document.inside)
        self.form.set_shown(
            None if inside is None else {each.knob: each.name for each in inside.knobs if each.node == node}
        )
        knobs = {knob.name: knob for knob in self._spec.knobs}
        told = [
            f"{tr(knobs[name].title)} = {shown(knobs[name], value)}" for name, value in of_copy.items() if name in knobs
        ]
        self.copied.setText(tr("The copy that you entered sets: {settings}.", settings=", ".join(told)))
        self.copied.setVisible(bool(told))

    def _show_on_subgraph(self, name: str, on: bool) -> None:
        inside = None if self._document is None else self._document.definitions.get(self._document.inside)
        if inside is None:
            return
        if on:
            self.borderRequested.emit("show_knob", {"node": self._node, "knob": name}, tr("Show on the subgraph"))
            return
        hidden = next(each.name for each in inside.knobs if (each.node, each.knob) == (self._node, name))
        self.borderRequested.emit("hide_knob", {"name": hidden}, tr("Show on the subgraph no more"))

    def show_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], why_not: str = "") -> None:
        """The table that this source reads, or why there is none to pick columns from."""
        self.form.offer_columns(columns)
        if columns:
            self.preview.show_rows(name, columns, rows)
        else:
            self.preview.show_refusal(why_not)

    def _show_facts(self, facts: NodeFacts | None) -> None:
        lines = self._out(facts) if facts else []
        if facts and (cost := self._cost(facts)):
            lines.append((tr("Cost"), cost))
        fresh = Facts(lines)
        self.lines.replaceWidget(self._facts, fresh)
        self._facts.deleteLater()
        self._facts = fresh

    def _out(self, facts: NodeFacts) -> list[tuple[str, str]]:
        lines = []
        for name, port in facts.outputs.items():
            tokens = f" · {tr('{n} tokens', n=f'{port.tokens:,}')}" if port.tokens else ""
            lines.append((tr("Out") if not lines else "", f"{tr(name, 'port')} {port.concrete}{tokens}"))
        return lines

    def _cost(self, facts: NodeFacts) -> str:
        parts = []
        if facts.parameters:
            parts.append(tr("{n} parameters", n=quantities.count(facts.parameters)))
        elif facts.shared_parameters:
            parts.append(tr("{n} shared parameters", n=quantities.count(facts.shared_parameters)))
        if facts.flops:
            parts.append(quantities.flops(facts.flops))
        if facts.activation_mebibytes:
            parts.append(quantities.mebibytes(facts.activation_mebibytes))
        return " · ".join(parts)

    def _retitle(self) -> None:
        if self.title.isModified():
            self.title.setModified(False)
            text = self.title.text().strip()
            self.titleChanged.emit("" if text == tr(self._spec.title) else text)


def breakable(origin: str) -> str:
    """A path and a hash that a narrow column can break."""
    return "\u200b".join(origin[at : at + 16] for at in range(0, len(origin), 16))


class TrainingGroup(QWidget):
    """Trained or frozen, its own rate and decay; for all stages or for one."""

    ruleChanged = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self._recipe, self._node = Recipe(), ""
        self.stage = QComboBox()
        self.stage.setAccessibleName(tr("Stage"))
        self.state = Segments(
            (("", tr("as the training recipe")), ("trained", tr("trained")), ("frozen", tr("frozen"))), tr("State")
        )
        self.form = KnobForm()
        row = QHBoxLayout()
        row.addWidget(heading(tr("Training")), 1)
        row.addWidget(self.stage)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(row)
        layout.addWidget(self.state)
        layout.addWidget(self.form)
        self.stage.activated.connect(lambda _: self._show())
        self.state.chosen.connect(self._set_state)
        self.form.changed.connect(lambda name, value: self._send({name: value}))

    def show_rules(self, recipe: Recipe, node: str) -> None:
        """Show a node's rules."""
        names = [tr("all stages"), *(stage.name for stage in recipe.stages)]
        if [self.stage.itemText(i) for i in range(self.stage.count())] != names:
            self.stage.clear()
            self.stage.addItems(names)
        self.stage.setVisible(bool(recipe.stages))
        self._recipe, self._node = recipe, node
        self._show()

    @property
    def _stage(self) -> int | None:
        index = self.stage.currentIndex() - 1
        return index if 0 <= index < len(self._recipe.stages) else None

    def _show(self) -> None:
        stage, recipe = self._stage, self._recipe
        rules = recipe.rules if stage is None else recipe.stages[stage].rules
        rule = rules.get(self._node, Rule())
        self.state.show_choice({None: "", True: "frozen", False: "trained"}[rule.frozen])
        values: dict[str, Value] = {"learning_rate": rule.learning_rate, "weight_decay": rule.weight_decay}
        base = recipe.rule(self._node, stage or 0)
        self.form.show_knobs(rule_knobs(base.learning_rate or 0.0, base.weight_decay or 0.0), values)

    def _set_state(self, key: str) -> None:
        self._send({"frozen": {"": None, "frozen": True, "trained": False}[key]})

    def _send(self, fields: dict[str, object]) -> None:
        stage = self._stage
        self.ruleChanged.emit(fields if stage is None else {**fields, "stage": stage})
