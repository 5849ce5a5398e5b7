"""Pairs behind the bars of the similarity monitor: what they look like, what a person says of them, and their way into
the next run.

Pictures and captions come from the run's own dataset by sample number, on the engine's slow lane; judgements are kept
with the dataset, told by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from core.graph.dataset import Specimen
from core.graph.document import Document
from core.graph.file import loads
from core.graph.negatives_row import use_judged
from core.graph.selection import of_task, task_of, without_task
from core.graph.subgraphs.flat import flattened
from core.problems import refuse
from core.store.answers import Judged
from studio.session import Session
from widgets.look.language import tr

if TYPE_CHECKING:
    from core.data.base import Source
    from widgets.monitors.pairs.embedding_map import EmbeddingMapMonitor
    from widgets.monitors.pairs.similarity import SimilarityMonitor

MOST_KEPT = 4000  # pictures of samples


@dataclass
class Known:
    """What is known of the dataset of the run that is looked at."""

    run: str = ""  # with the task behind it where the run has several
    fingerprint: str = ""
    specimens: dict[int, Specimen] = field(default_factory=dict)


class Judging(QObject):
    """Between the monitor, the dataset of its run, the store and the drawing."""

    def __init__(self, session: Session, monitor: SimilarityMonitor | EmbeddingMapMonitor) -> None:
        super().__init__(monitor)
        self._session, self._monitor = session, monitor
        self._known = Known()
        self._open: tuple[Any, Source] | None = None  # the engine's lane only
        monitor.specimensWanted.connect(self.show_specimens)
        monitor.pairsJudged.connect(self.judge)
        monitor.judgedPairsWanted.connect(self.use)

    # Looks

    def show_specimens(self, run: str, numbers: Sequence[int]) -> None:
        """Pictures and captions of samples of a run's dataset, and what was said of its pairs."""
        if run != self._known.run:
            self._known = Known(run=run)
        lacking = [number for number in numbers if number not in self._known.specimens]
        self._session.engine.ask(
            lambda: self._look(run, lacking), lambda found, sentence: self._looked(run, found, sentence)
        )

    def _look(self, run: str, numbers: Sequence[int]) -> tuple[str, dict[int, Specimen]]:
        from core.compiler.portraits import portraits  # torch

        uid, task = without_task(run), task_of(run)
        source = self._source(loads(self._session.library.document_text(uid)), task)
        fingerprint = source.fingerprint()
        which, library = of_task("data fingerprint", task) if task else "data fingerprint", self._session.library
        kept = library.params(uid).get(which, fingerprint)
        if kept != fingerprint and kept in source.former_fingerprints():
            library.rename_dataset(kept, fingerprint)
            library.add_params(uid, {which: fingerprint})
        elif kept != fingerprint:
            raise refuse(
                tr("The dataset has changed since this run, so its numbers no longer say which samples these were."),
                hint=tr("Train again to annotate pairs."),
            )
        return fingerprint, portraits(source, numbers)

    def _source(self, document: Document, task: str = "") -> Source:
        """The data of a task; of the first source where none is named."""
        from core.compiler.compile import compile  # torch
        from core.compiler.portraits import open_source

        which = tuple((n.block, tuple(sorted(n.knobs.items()))) for n in flattened(document).document.nodes.values()
                      if n.block.startswith("sources.") and not n.muted)  # fmt: skip
        if self._open is None or self._open[0] != (task, which):
            node = next((each.source for each in compile(document).tasks if each.title == task), "") if task else ""
            self._open = ((task, which), open_source(document, node))
        return self._open[1]

    def _has(self, document: Document, dataset: str) -> str:
        """The dataset's fingerprint where one of a drawing's sources is it; else that of another."""
        from core.compiler.portraits import fingerprints  # torch

        found = fingerprints(document)
        return dataset if dataset in found else found[0]

    def _looked(self, run: str, found: tuple[str, dict[int, Specimen]] | None, sentence: str) -> None:
        if run != self._known.run:
            return  # another run is looked at meanwhile
        if found is not None:
            self._known.fingerprint = found[0]
            if len(self._known.specimens) > MOST_KEPT:
                self._known.specimens.clear()
            self._known.specimens.update(found[1])
        self._monitor.set_specimens(run, self._known.specimens, sentence)
        self._show_marks()

    # Judgements

    def judge(self, run: str, step: int, pairs: Sequence[tuple[int, int]], mark: str) -> None:
        """Keep a judgement with the dataset, or take it back."""
        dataset = self._known.fingerprint
        if run != self._known.run or not dataset:
            return
        library = self._session.library
        self._session.attempt(
            lambda: (
                library.mark(dataset, pairs, mark, run=without_task(run), step=step)
                if mark
                else library.unmark(dataset, pairs)
            )
        )
        self._show_marks()

    def _show_marks(self) -> None:
        found = self._session.attempt(lambda: self._session.library.marks(self._known.fingerprint))
        marks = {(each.left, each.right): each.mark for each in found or ()}
        self._monitor.set_marks(self._known.run, marks)

    # Into the drawing

    def use(self, run: str) -> None:
        """Put the dataset's judged pairs before the objectives of the drawing, if it trains on that dataset."""
        document, dataset = self._session.document, self._known.fingerprint
        if run == self._known.run and dataset:
            self._session.engine.ask(
                lambda: self._has(document, dataset),
                lambda found, sentence: self._use(document, dataset, found, sentence),
            )

    def _use(self, document: Document, dataset: str, found: str | None, sentence: str) -> None:
        session = self._session
        if sentence or found != dataset:
            session.say(
                sentence or tr("This graph trains on another dataset than the pairs were annotated on."), "warning"
            )
            return
        marks = session.attempt(lambda: session.library.marks(dataset)) or []
        if document is not session.document or not marks:
            return
        pairs = [(each.left, each.right, each.mark) for each in marks]
        fresh = session.attempt(lambda: use_judged(document, pairs, self._runs(marks), session.vocabulary))
        if fresh is not None:
            session.edit(fresh, tr("Use annotated pairs"))
            session.say(tr("The graph carries {n} annotated pairs; the next run obeys them.", n=len(pairs)))

    def _runs(self, marks: Sequence[Judged]) -> str:
        """Names of the runs that showed the pairs."""
        uids = dict.fromkeys(each.run for each in marks if each.run)
        names = {facts.uid: facts.name for facts in self._session.runs}
        return ", ".join(f"{names[uid]} ({uid})" if uid in names else uid for uid in uids)
