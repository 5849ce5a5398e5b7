"""The inspector: the settings of what is selected, or of the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.negatives_row import is_choice
from core.graph.reel import ReelFrames, ReelSound
from core.graph.subgraphs.definitions import is_border
from core.graph.vocabulary import OptionSpec, Vocabulary
from core.knobs import Value
from widgets.inspector.document_page import DocumentPage
from widgets.inspector.many_page import ManyPage
from widgets.inspector.negatives import NegativesPage
from widgets.inspector.node_page import NodePage
from widgets.inspector.subgraph_page import SubgraphPage
from widgets.look.film_player import Answer
from widgets.look.language import tr
from widgets.look.theme import look
from widgets.look.titles import titles_of


class Inspector(QWidget):
    """Shows one page at a time; announces every change by name, never makes one.

    ``ruleChanged`` carries the keywords of :func:`core.graph.edits.set_rule`, ``recipeChanged`` those of
    :func:`core.graph.edits.set_recipe`.
    """

    knobChanged = Signal(str, str, object)  # node, knob, value
    ruleChanged = Signal(str, dict)  # node, fields (and "stage")
    rulesChanged = Signal(list, dict)  # nodes, fields
    repeatChanged = Signal(str, int)
    titleChanged = Signal(str, str)
    recipeChanged = Signal(dict)
    nameChanged = Signal(str)
    noteChanged = Signal(str)
    linkRequested = Signal(str)
    sweepRequested = Signal(str)  # path of a setting
    rateRequested = Signal()  # another learning rate for the run that trains
    stageRequested = Signal(int)  # run a stage by itself
    stagesRequested = Signal()  # the three of a language model that sees
    borderRequested = Signal(
        str, dict, str
    )  # a function of core.graph.subgraphs.borders, its keywords, name of the edit
    negativesRequested = Signal(str, dict)  # a function of core.graph.negatives_row and its keywords
    commandRequested = Signal(str)  # a method of the canvas
    nodeRequested = Signal(str)  # go there
    tableWanted = Signal(str, str)  # folder and name of the table whose columns are picked; answer with show_table
    reelWanted = Signal(object)  # ReelFrames or ReelSound: what a player needs
    filmWanted = Signal(
        object, object, str
    )  # what is asked, the document, the step that takes frames; answer with show_film

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._vocabulary, self._analysis = Document(id="empty"), Vocabulary(), Analysis()
        self._of_copy: Mapping[str, Mapping[str, Value]] = {}
        self._options: tuple[OptionSpec, ...] = ()
        self._breakpoints: tuple[Mapping[str, str], frozenset[str]] = {}, frozenset()
        self._nodes: list[str] = []
        self._stack = QStackedLayout(self)
        self._node_page: NodePage | None = None
        self._shown = ("", "")
        self._table = ("", "")  # folder and name of the table that the node page was given
        self._film: object = None  # what was asked of the clip whose frames the node page shows
        self.setMinimumWidth(250)
        look.changed.connect(self.restyle)
        self._make_pages()

    def _make_pages(self) -> None:
        self.document_page, self.many_page, self.subgraph_page = DocumentPage(), ManyPage(), SubgraphPage()
        self.subgraph_page.borderRequested.connect(self.borderRequested)
        self.document_page.recipeChanged.connect(self.recipeChanged)
        self.document_page.nameChanged.connect(self.nameChanged)
        self.document_page.noteChanged.connect(self.noteChanged)
        self.document_page.sweepRequested.connect(self.sweepRequested)
        self.document_page.rateRequested.connect(self.rateRequested)
        self.document_page.stageRequested.connect(self.stageRequested)
        self.document_page.stagesRequested.connect(self.stagesRequested)
        self.many_page.rulesChanged.connect(lambda fields: self.rulesChanged.emit(list(self._nodes), fields))
        self.many_page.commandRequested.connect(self.commandRequested)
        self.document_page.set_options(self._options)
        for page in (self.document_page, self.many_page, self.subgraph_page):
            self._stack.addWidget(page)

    @property
    def node_page(self) -> NodePage | None:
        """The page of the one selected node."""
        return self._node_page if self._stack.currentWidget() is self._node_page else None

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """The blocks there are, and the recipe's options."""
        self._vocabulary = vocabulary
        self._shown = ("", "")
        self.set_recipe_options(vocabulary.options)
        self._show()

    def set_recipe_options(self, options: tuple[OptionSpec, ...]) -> None:
        """The callbacks, diagnostics, optimisers and schedules there are."""
        self._options = tuple(options)
        self.document_page.set_options(self._options)

    def set_document(
        self, document: Document, of_copy: Mapping[str, Mapping[str, Value]] = MappingProxyType({})
    ) -> None:
        """Show this document. ``of_copy``: inside a subgraph, what the copy that was entered sets otherwise, by node."""
        self._document, self._of_copy = document, of_copy
        self._nodes = [node for node in self._nodes if node in document.nodes]
        self._show()

    def set_analysis(self, analysis: Analysis | None) -> None:
        """Show what the compiler found."""
        self._analysis = analysis or Analysis()
        self._show()

    def set_breakpoints(self, told: Mapping[str, str], met: Iterable[str] = ()) -> None:
        """What runs pause at, by block, in words; ``met`` are the blocks that a run waits at now."""
        if (fresh := (dict(told), frozenset(met))) != self._breakpoints:
            self._breakpoints = fresh
            self._show_breakpoints()

    def _show_breakpoints(self) -> None:
        if self._node_page is not None:
            told, met = self._breakpoints
            node = self._shown[0]
            self._node_page.pausing.show_breakpoints(told.get(node, ""), node in met)

    def set_selection(self, nodes: list[str]) -> None:
        """Show these nodes; none: the document."""
        self._nodes = [node for node in nodes if node in self._document.nodes]
        self._show()

    def _show(self) -> None:
        if self._document.inside and self._is_of_border():
            self.subgraph_page.show_definition(self._document, titles_of(self._document))
            self._stack.setCurrentWidget(self.subgraph_page)
        elif not self._nodes:
            self.document_page.show_document(self._document, self._analysis)
            self._stack.setCurrentWidget(self.document_page)
        elif len(self._nodes) == 1:
            self._show_node(self._nodes[0])
        else:
            specs = [self._vocabulary.spec(self._document.nodes[node].block) for node in self._nodes]
            titles = [self._document.nodes[n].title or tr(s.title) for n, s in zip(self._nodes, specs)]
            self.many_page.show_nodes(self._document, self._nodes, titles, self._analysis)
            self._stack.setCurrentWidget(self.many_page)

    def _is_of_border(self) -> bool:
        """Whether nothing of an inside is selected but its border."""
        return all(is_border(self._document.nodes[node]) for node in self._nodes)

    def _show_node(self, node: str) -> None:
        block = self._document.nodes[node].block
        if self._shown != (node, block) or self._node_page is None:
            self._drop_node_page()
            self._node_page = self._new_node_page(node)
            self._stack.addWidget(self._node_page)
            self._shown = (node, block)
        of_copy = self._of_copy.get(node, {})
        self._node_page.show_node(self._document, node, self._analysis.nodes.get(node), of_copy)
        self._show_breakpoints()
        self._stack.setCurrentWidget(self._node_page)
        self._ask_for_table(node)
        self._ask_for_film(node)

    def read_table_again(self) -> None:
        """The file may be another by now."""
        if self._node_page is not None and self._node_page.form.names_columns:
            self.tableWanted.emit(*self._table)

    def _ask_for_table(self, node: str) -> None:
        knobs = self._document.nodes[node].knobs
        table = (str(knobs.get("folder") or ""), str(knobs.get("table") or ""))
        if self._node_page is None or not self._node_page.form.names_columns or table == self._table:
            return
        self._table = table
        self.tableWanted.emit(*table)

    def show_table(
        self,
        folder: str,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        name: str = "",
        why_not: str = "",
    ) -> None:
        """The answer to ``tableWanted``; one that is no longer wanted is dropped."""
        if self._node_page is not None and (folder, table) == self._table:
            self._node_page.show_table(name, columns, rows, why_not)

    def _ask_for_film(self, node: str) -> None:
        if self._node_page is None or self._node_page.film is None:
            return
        led_in = [wire.source for wire in self._document.wires if wire.target.node == node]
        sources = [(end, dict(self._document.nodes[end.node].knobs)) for end in led_in]
        asked = (node, dict(self._document.nodes[node].knobs), sources)
        if asked != self._film:
            self._film = asked
            self.filmWanted.emit(asked, self._document, node)

    def show_film(self, asked: object, why_not: str = "", **told: Any) -> None:
        """The answer to ``filmWanted``; one that is no longer wanted is dropped."""
        if self._node_page is None or self._node_page.film is None or asked != self._film:
            return
        if why_not:
            self._node_page.film.show_refusal(why_not)
        else:
            self._node_page.film.show_film(**told)

    def take_reel(self, wish: ReelFrames | ReelSound, answer: Answer, refusal: str = "") -> None:
        """The answer to ``reelWanted``."""
        if self._node_page is not None and self._node_page.film is not None:
            self._node_page.film.player.take(wish, answer, refusal)

    def _drop_node_page(self) -> None:
        if self._node_page is not None:
            self._stack.removeWidget(self._node_page)
            self._node_page.hide()
            self._node_page.deleteLater()
            self._node_page = None
        self._table, self._film = ("", ""), None

    def _new_node_page(self, node: str) -> NodePage:
        spec = self._vocabulary.spec(self._document.nodes[node].block)
        if is_choice(self._document, node):
            page: NodePage = NegativesPage(spec, self._vocabulary)
            page.negativesRequested.connect(self.negativesRequested)
            page.otherKnobChanged.connect(self.knobChanged)
        else:
            page = NodePage(spec)
        page.knobChanged.connect(lambda name, value: self.knobChanged.emit(node, name, value))
        page.ruleChanged.connect(lambda fields: self.ruleChanged.emit(node, fields))
        page.repeatChanged.connect(lambda count: self.repeatChanged.emit(node, count))
        page.titleChanged.connect(lambda title: self.titleChanged.emit(node, title))
        page.linkRequested.connect(self.linkRequested)
        page.sweepRequested.connect(self.sweepRequested)
        page.nodeRequested.connect(self.nodeRequested)
        page.commandRequested.connect(self.commandRequested)
        page.borderRequested.connect(self.borderRequested)
        if page.film is not None:
            page.film.player.wanted.connect(self.reelWanted)
        return page

    def restyle(self) -> None:
        """The theme or the language changed: make the pages again."""
        self._drop_node_page()
        self._shown = ("", "")
        for page in (self.document_page, self.many_page, self.subgraph_page):
            self._stack.removeWidget(page)
            page.hide()
            page.deleteLater()
        self._make_pages()
        self._show()
