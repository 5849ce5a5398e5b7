"""Several nodes: what can be done to all of them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.recipe import Rule
from widgets.inspector.form import KnobForm
from widgets.inspector.page import Page
from widgets.inspector.parts import Facts, Segments, heading, rule_knobs, separator, text_label
from widgets.look import quantities
from widgets.look.language import tr


class ManyPage(Page):
    """Shows a selection."""

    rulesChanged = Signal(dict)
    commandRequested = Signal(str)  # a method of the canvas: mute, bypass, collapse, frame_selection, tidy, delete

    def __init__(self) -> None:
        super().__init__()
        self.title = text_label("", size=15, bold=True)
        self.state = Segments(
            (("", tr("as the training recipe")), ("trained", tr("trained")), ("frozen", tr("frozen"))), tr("State")
        )
        self.state.chosen.connect(
            lambda key: self.rulesChanged.emit({"frozen": {"": None, "frozen": True, "trained": False}[key]})
        )
        self.form = KnobForm()
        self.form.changed.connect(lambda name, value: self.rulesChanged.emit({name: value}))
        self.names = text_label("", muted=True)
        self._facts = Facts(())
        self.add(self.title, self.names, separator(), heading(tr("Training")), self.state, self.form)
        self.add(separator(), self._facts, separator())
        self.buttons: dict[str, QPushButton] = {}
        for method, text in _actions():
            button = QPushButton(text)
            button.clicked.connect(lambda _=False, method=method: self.commandRequested.emit(method))
            self.buttons[method] = button
            self.add(button)
        self.finish()

    def show_nodes(self, document: Document, nodes: list[str], titles: list[str], analysis: Analysis) -> None:
        """Show what these have in common."""
        self.title.setText(tr("{n} blocks", n=len(nodes)))
        self.names.setText(", ".join(titles[:12]) + (" …" if len(titles) > 12 else ""))
        rules = [document.recipe.rules.get(document.owner(node), Rule()) for node in nodes]
        states = {rule.frozen for rule in rules}
        self.state.show_choice(
            {None: "", True: "frozen", False: "trained"}[states.pop()] if len(states) == 1 else "mixed"
        )
        recipe = document.recipe
        values = {}
        for name in ("learning_rate", "weight_decay"):
            found = {getattr(rule, name) for rule in rules}
            values[name] = found.pop() if len(found) == 1 else None
        self.form.show_knobs(rule_knobs(recipe.learning_rate, recipe.weight_decay), values)
        facts = [analysis.nodes[node] for node in nodes if node in analysis.nodes]
        total = sum(fact.parameters for fact in facts)
        lines = [
            (
                tr("Cost"),
                " · ".join(
                    [tr("{n} parameters", n=quantities.count(total)), quantities.flops(sum(f.flops for f in facts))]
                ),
            )
        ]
        fresh = Facts(lines if facts else ())
        self.lines.replaceWidget(self._facts, fresh)
        self._facts.deleteLater()
        self._facts = fresh


def _actions() -> tuple[tuple[str, str], ...]:
    return (
        ("mute", tr("Disable")), ("bypass", tr("Bypass")), ("frame_selection", tr("Frame")),
        ("share_weights", tr("Same weights")), ("connect_selected", tr("Connect selected")), ("tidy", tr("Tidy")), ("duplicate", tr("Duplicate")),
        ("delete", tr("Delete")),
    )  # fmt: skip
