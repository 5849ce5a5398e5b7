"""Variants of a graph side by side: the open documents against a baseline, with what truly differs, and scores where each was run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.exploring.scores import may_choose
from core.graph.differences import drawing_difference, settings_difference
from core.graph.document import Document, new_id
from core.graph.file import loads
from core.graph.sketch import Sketch, sketch_between
from core.graph.subgraphs.flat import flattened
from core.problems import Refused
from core.store.answers import RunFacts
from studio.open.tabs import Tab
from studio.session import Session
from studio.window.frame import Frame
from widgets.look.graph_sketch import difference_words
from widgets.look.language import tr
from widgets.look.sides import metric_words
from widgets.look.titles import titles_of, vocabulary
from widgets.variant_sheet import Row, VariantSheet

MOST_RUNS = 40  # newest of a document that are looked through
ABSENT, NOT_RUN = "–", "·"


class Variants:
    """From the wish to the sheet; the first document of the sheet is the baseline."""

    def __init__(self, session: Session, window: Frame) -> None:
        self._session, self._window = session, window
        self.sheet: VariantSheet | None = None
        self._tabs: list[Tab] = []

    def make(self) -> None:
        """A second form of the document on the canvas, in a tab beside it."""
        session = self._session
        names = {tab.name for tab in session.tabs.all}
        stem = session.document.name.partition(" · ")[0]
        name = next(f"{stem} · {n}" for n in range(2, len(names) + 3) if f"{stem} · {n}" not in names)
        session.show(replace(session.document, id=new_id(), name=name), beside=True)
        self._window.show_page("design")

    def show(self) -> None:
        """All open documents, the one on the canvas as the baseline."""
        tabs = self._session.tabs
        self._tabs = [tabs.now, *(tab for tab in tabs.all if tab is not tabs.now)]
        sheet = self.sheet = VariantSheet(self._window)
        sheet.baselineRequested.connect(self._make_baseline)
        sheet.openRequested.connect(self._go_to)
        sheet.chosen.connect(self._draw)
        sheet.destroyed.connect(lambda: setattr(self, "sheet", None))
        self._fill()
        sheet.show()

    def _fill(self) -> None:
        if self.sheet is not None:
            documents = [tab.history.now for tab in self._tabs]
            runs = [self._run_of(document) for document in documents]
            self.sheet.show_rows([tab.name for tab in self._tabs], (*differing_rows(documents), *score_rows(runs)))

    def _make_baseline(self, number: int) -> None:
        self._tabs.insert(0, self._tabs.pop(number))
        self._fill()

    def _go_to(self, number: int) -> None:
        if self._tabs[number] in self._session.tabs.all:
            self._session.turn_to(self._session.tabs.all.index(self._tabs[number]))
            self._window.show_page("design")

    def _draw(self, number: int) -> None:
        if self.sheet is not None:
            first, other = self._tabs[0].history.now, self._tabs[number].history.now
            self.sheet.show_sketches(
                _plain(first), sketch_of(first, other), difference_words(drawing_difference(first, other, vocabulary()))
            )

    def _run_of(self, document: Document) -> RunFacts | None:
        """The newest run of exactly this graph and recipe; None where there is none."""
        library = self._session.library
        alike = [
            facts
            for facts in self._session.runs
            if facts.document_id == document.id or facts.document_name == document.name
        ]
        for facts in sorted(alike, key=lambda facts: -facts.created)[:MOST_RUNS]:
            try:
                ran = loads(library.document_text(facts.uid))
            except Refused:
                continue
            if trains_alike(ran, document):
                return facts
        return None


def trains_alike(one: Document, other: Document) -> bool:
    """Whether two documents are the same experiment, whatever they are called and wherever their blocks lie."""
    words = vocabulary()
    return drawing_difference(one, other, words).is_same() and not settings_difference([one, other], words)


def differing_rows(documents: Sequence[Document]) -> list[Row]:
    """Settings that are not the same in all, blocks and wires that not all have; of such a block it is told once."""
    in_all = {"recipe", *set.intersection(*(set(flattened(document).document.nodes) for document in documents))}
    titles = {key: title for document in reversed(documents) for key, title in titles_of(document).items()}
    rows = [
        Row(
            where=tr("training recipe") if row.where == "recipe" else titles.get(row.where, row.where),
            what=row.setting.replace("_", " "), values=tuple(value or ABSENT for value in row.values),
        )
        for row in settings_difference(documents, vocabulary())
        if row.where in in_all or row.setting == "block"
    ]  # fmt: skip
    drawn = [{wire.key for wire in document.wires} for document in documents]
    for key in sorted(key for key in set[str]().union(*drawn) if not all(key in wires for wires in drawn)):
        source, _, target = key.partition(">")
        values = tuple(tr("wired") if key in wires else ABSENT for wires in drawn)
        rows.append(Row(where=tr("wire"), what=f"{source} → {target}", values=values))
    return rows


def score_rows(runs: Sequence[RunFacts | None]) -> list[Row]:
    """The scores of each one's newest run."""
    known = [run for run in runs if run is not None]
    if not known:
        return []
    rows = [
        Row(where=tr("run"), what=tr("name"), values=tuple(run.name if run else NOT_RUN for run in runs), is_score=True)
    ]
    names = sorted(
        {name for run in known for name in run.last if name == "loss" or name.startswith(("selection/", "retrieval/"))}
    )
    for name in names:
        figures = [None if run is None else (run.best if may_choose(name) else run.last).get(name) for run in runs]
        values = tuple(NOT_RUN if figure is None else f"{figure:.4g}" for figure in figures)
        rows.append(Row(where=tr("run"), what=metric_words(name), values=values, is_score=True))
    return rows


def sketch_of(first: Document, other: Document) -> Sketch:
    """What another one has more, less or otherwise than the first."""
    changed = frozenset(node.partition(".")[0] for node, *_ in drawing_difference(first, other, vocabulary()).changed)
    return sketch_between(first, other, changed, {**titles_of(first), **titles_of(other)})


def _plain(document: Document) -> Sketch:
    return sketch_between(document, document, frozenset(), titles_of(document))
