"""Breakpoints on blocks: shown where the drawing is shown, added and taken away on a sheet, pointed at where a run waits at one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from core.graph import breakpoints as listed
from core.graph.breakpoints import NodeFigure
from core.graph.conditions import Condition
from core.graph.document import Document
from core.graph.subgraphs.facts import place_of
from core.graph.subgraphs.flat import flattened
from core.problems import Refused
from core.store.answers import RunFacts
from studio.session import Session
from studio.window.frame import Frame
from widgets.look.language import in_a_row, said, tr
from widgets.look.titles import titles_of
from widgets.monitors.metric_names import metric_title
from widgets.pause_sheet import Offer, PauseSheet

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.reader import RunReader


class Breakpoints(QObject):
    """From the recipe's conditions to marks on blocks, and back."""

    def __init__(self, session: Session, window: Frame) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self._told: dict[str, str] = {}  # run -> why it paused by itself, as was said
        self._asked = ""  # what is on the message bar
        self._sheet: tuple[PauseSheet, str] | None = None  # with the block that it is about
        window.canvas.breakpointRequested.connect(self.ask)
        session.levelChanged.connect(self.refresh)
        for changed in (session.runsChanged, session.watchedChanged, session.stateChanged, session.vocabularyChanged):
            changed.connect(self.refresh)
        self.refresh()

    # Showing

    def refresh(self, *_: object) -> None:
        """Marks, lists and what is said, as document and runs are now."""
        document = flattened(self._session.document).document
        told = {
            node: "; ".join(self._words(condition, document) for condition in conditions)
            for node, conditions in listed.by_node(document, document.nodes).items()
        }
        shown, waits = self._here(told), tuple(self._here(dict.fromkeys(self._met(document), "")))
        for part in (self._window.canvas, self._window.outline, self._window.inspector):
            part.set_breakpoints(shown, waits)
        if self._sheet is not None:
            self._fill(*self._sheet)

    def _here(self, told: Mapping[str, str]) -> dict[str, str]:
        """What is told of blocks of the flat form, by the nodes of the level that is shown: a copy has what its inside has."""
        path, flat = self._session.levels.path, flattened(self._session.document)
        found: dict[str, list[str]] = {}
        for key, words in told.items():
            place = place_of(flat, key)
            if place[: len(path)] == path and len(place) > len(path):
                found.setdefault(place[len(path)], []).append(words)
        return {node: "; ".join(filter(None, words)) for node, words in found.items()}

    def _met(self, document: Document) -> list[str]:
        """The blocks that runs of this document wait at; a run that paused by itself says why, once."""
        waiting = {
            facts.uid: facts for facts in self._session.queueing.running() if facts.status == "paused" and facts.reason
        }
        found: list[str] = []
        for facts in waiting.values():
            own = facts.document_id == self._session.document.id
            nodes = listed.met_in(facts.reason, document.nodes) if own else ()
            found += nodes
            if self._told.get(facts.uid) != facts.reason:
                self._told[facts.uid] = facts.reason
                self._tell(facts, nodes)
        if self._asked and not waiting and self._window.messages.sentence == self._asked:
            self._window.messages.clear()
        return found

    def _tell(self, facts: RunFacts, nodes: tuple[str, ...]) -> None:
        ways = tr("{name} waits: look, change a rate, resume it, or fork it.", name=facts.name)
        sentence = in_a_row(said(facts.reason), ways)
        if not nodes:
            self._session.say(sentence, "warning")
            return
        self._asked = sentence
        choices = ((tr("Show the block"), lambda: self._window.reveal(nodes[0])),)
        self._window.messages.show_message(sentence, "warning", choices)

    def _words(self, condition: Condition, document: Document) -> str:
        """A condition as a person says it."""
        figure, value = metric_title(condition.figure, titles_of(document)), f"{condition.value:g}"
        if condition.relation == "<":
            return tr("{figure} falls below {value}", figure=figure, value=value)
        if condition.relation == ">":
            return tr("{figure} rises above {value}", figure=figure, value=value)
        if condition.relation == "jumps":
            return tr("{figure} jumps by {value} standard deviations", figure=figure, value=value)
        return tr("{figure} drops by {value} standard deviations", figure=figure, value=value)

    # Asking

    def ask(self, node: str) -> None:
        """A sheet for the figures of a block of the level that is shown."""
        session, flat = self._session, flattened(self._session.document)
        key = ".".join((*session.levels.path, node))
        if key in flat.wholes or session.levels.flat_of(node) not in flat.document.nodes:
            session.say(tr("Enter the subgraph: breakpoints are on the blocks inside it."), "warning")
            return
        block = session.levels.flat_of(node)
        offers = self._offers(flat.document, flat.document.owner(block))
        if not offers:
            session.say(tr("This block says no figure of its own while it trains."), "warning")
            return
        sheet = PauseSheet(titles_of(flat.document)[block], offers, self._window)
        self._sheet = (sheet, flat.document.owner(block))
        sheet.destroyed.connect(lambda: setattr(self, "_sheet", None))
        sheet.added.connect(self._add)
        sheet.removed.connect(self._remove)
        self._fill(*self._sheet)
        sheet.show()

    def _fill(self, sheet: PauseSheet, block: str) -> None:
        document = flattened(self._session.document).document
        conditions = listed.by_node(document, [block]).get(block, ())
        sheet.show_conditions([(condition, self._words(condition, document)) for condition in conditions])

    def _figures(self, document: Document, block: str, told: Mapping[str, float]) -> tuple[NodeFigure, ...]:
        analysis = self._session.analysis
        facts = analysis.nodes.get(block) if analysis is not None else None
        trains = facts is None or facts.trained_parameters > 0
        weights = facts is None or facts.parameters + facts.shared_parameters > 0
        spec = self._session.vocabulary.spec(document.nodes[block].block)
        return listed.figures_of(spec, block, weights=weights, trains=trains, told=told)

    def _offers(self, document: Document, block: str) -> list[Offer]:
        """The figures of a block, with what the last run of this document said of them."""
        latest, titles, found = self._latest(), titles_of(document), []
        for figure in self._figures(document, block, latest):
            fits = listed.condition_on(figure.series).fits
            value = next((value for series, value in latest.items() if fits(series)), None)
            on = not figure.diagnostic or figure.diagnostic in document.recipe.diagnostics
            option = next((each for each in self._session.vocabulary.options if each.key == figure.diagnostic), None)
            switches = (
                ""
                if on or option is None
                else tr("The diagnostic “{title}” is switched on for it.", title=tr(option.title))
            )
            found.append(
                Offer(series=figure.series, title=metric_title(figure.series, titles), latest=value, switches=switches)
            )
        return found

    def _latest(self) -> dict[str, float]:
        """What the last run of this document said of each figure, by series."""
        runs = [facts for facts in self._session.runs if facts.document_id == self._session.document.id]
        uid = max(runs, key=lambda facts: facts.created).uid if runs else ""
        try:
            return last_values(self._session.library.reader(uid)) if uid else {}
        except Refused:
            return {}

    def _add(self, condition: Condition) -> None:
        document, block = self._session.document, self._sheet[1] if self._sheet is not None else ""
        flat = flattened(document).document
        figures = {figure.series: figure for figure in self._figures(flat, block, self._latest())}
        diagnostic = figures[condition.figure].diagnostic if condition.figure in figures else ""
        self._session.edit(listed.added(document, condition, diagnostic), tr("Add a breakpoint"))

    def _remove(self, condition: Condition) -> None:
        self._session.edit(listed.removed(self._session.document, [condition]), tr("Remove a breakpoint"))


def last_values(reader: RunReader) -> dict[str, float]:
    """The last value of each scalar series of a run."""
    found = {info.name: reader.value_at(info.name, info.last_step) for info in reader.series("scalar")}
    return {name: value[1] for name, value in found.items() if value is not None}
