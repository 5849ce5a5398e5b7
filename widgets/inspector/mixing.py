"""How the tasks of several sources take turns: the mix, and a card with share and batch size for each task."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from core.graph.document import Document
from core.graph.mixing import ends_of, giving_sources
from core.graph.paths import MIX, OF_ALL, mix_knobs
from core.graph.recipe import MEAN, Mix, Part
from core.knobs import Value, knobs_of
from widgets.inspector.form import KnobForm
from widgets.inspector.parts import heading, text_label
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.look.titles import titles_of, vocabulary


class TaskCard(QFrame):
    """One task's part in the mix."""

    changed = Signal(str, object)  # source, Part
    sweepRequested = Signal(str)  # path

    def __init__(self) -> None:
        super().__init__()
        self._source, self._part = "", Part()
        self.setObjectName("task")
        self.setStyleSheet(f"#task {{ border: 1px solid {theme().line}; border-radius: 6px; }}")
        self.name, self.shares, self.form = text_label("", bold=True), text_label("", muted=True), KnobForm()
        self.form.changed.connect(self._turn)
        self.form.sweepRequested.connect(self.sweepRequested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(5)
        for widget in (self.name, self.shares, self.form):
            layout.addWidget(widget)

    def show_part(self, source: str, title: str, part: Part, shares: str) -> None:
        """Show a task by its source's title."""
        self._source, self._part = source, part
        self.name.setText(title)
        self.shares.setText(shares)
        self.form.set_owner(f"{MIX}.{source}")
        self.form.show_knobs(knobs_of(Part), {knob.name: getattr(part, knob.name) for knob in knobs_of(Part)})

    def _turn(self, name: str, value: Value) -> None:
        fields: dict[str, object] = {name: value}
        self.changed.emit(self._source, replace(self._part, **fields))  # type: ignore[arg-type]


class Mixing(QWidget):
    """The mix of a document with several sources; nothing where there is one."""

    changed = Signal(object)  # Mix
    sweepRequested = Signal(str)  # path

    def __init__(self) -> None:
        super().__init__()
        self._mix, self._titles = Mix(), dict[str, str]()
        self.cards: list[TaskCard] = []
        self.form = KnobForm()
        self.form.set_owner(MIX)
        self.form.changed.connect(self._turn)
        self.form.sweepRequested.connect(self.sweepRequested)
        note = text_label(tr("Each source is a task. Tasks share the blocks that both reach."), muted=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        for widget in (heading(tr("Tasks")), note, self.form):
            self._layout.addWidget(widget)

    def show_document(self, document: Document) -> None:
        """Show the mix of a document's sources; hidden where it has fewer than two."""
        words, titles = vocabulary(), titles_of(document)
        self._titles = {key: titles[key] for key in giving_sources(document, words) if not document.nodes[key].muted}
        self.setVisible(len(self._titles) > 1)
        if len(self._titles) < 2:
            return
        self._mix = document.recipe.mix
        known = (OF_ALL, *self._titles.values())
        knobs = tuple(replace(k, choices=known) if k.name == "selects" else k for k in mix_knobs(document, words))
        selects = self._titles.get(self._mix.selects, OF_ALL)
        self.form.show_knobs(knobs, {"turns": self._mix.turns, "schedule": self._mix.schedule, "selects": selects})
        self._show_cards()

    def _show_cards(self) -> None:
        while len(self.cards) > len(self._titles):
            card = self.cards.pop()
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
        while len(self.cards) < len(self._titles):
            card = TaskCard()
            card.changed.connect(lambda source, part: self.changed.emit(self._mix.with_part(source, part)))
            card.sweepRequested.connect(self.sweepRequested)
            self.cards.append(card)
            self._layout.addWidget(card)
        spans = _spans(self._mix, tuple(self._titles))
        for card, (source, title) in zip(self.cards, self._titles.items()):
            card.show_part(source, title, self._mix.part(source), spans[source])

    def _turn(self, name: str, value: Value) -> None:
        if name == "selects":
            value = next((source for source, title in self._titles.items() if title == value), MEAN)
        fields: dict[str, object] = {name: value}
        self.changed.emit(replace(self._mix, **fields))  # type: ignore[arg-type]


def _spans(mix: Mix, sources: tuple[str, ...]) -> dict[str, str]:
    """``75 % → 50 %`` by source; a dash where no task has a share."""
    starts, ends = ends_of(mix, sources)

    def percent(number: float, numbers: list[float]) -> str:
        return f"{100 * number / sum(numbers):.0f} %" if sum(numbers) > 0 else "–"

    found = {}
    for source, start, end in zip(sources, starts, ends):
        first, last = percent(start, starts), percent(end, ends)
        found[source] = tr("share {share}", share=first if first == last else f"{first} → {last}")
    return found
