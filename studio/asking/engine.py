"""The one place where the window reaches for torch: every question runs on a thread of its own, behind the window.

Four lanes, each one thread: ``shapes`` answers while a person draws (only the newest question counts), ``answers`` does
what takes seconds (asking a trained plan, checking data, exporting), ``glances`` reads the beginning of a file, ``insides`` looks into a
drawing and takes steps by hand. Results arrive as Qt signals on the window's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.graph.analysis import Analysis
from core.graph.document import Document
from core.graph.mixing import source_nodes
from core.graph.subgraphs.flat import flattened
from core.graph.vocabulary import Vocabulary
from core.own.loading import read_own
from core.problems import Problem, Refused
from core.runs.loading import load_engine
from core.runs.vocabulary import full_vocabulary
from studio.telling.sentences import refusal
from widgets.look.language import tr


class Engine(QObject):
    """Asks core's heavy parts without the window waiting."""

    vocabularyRead = Signal(object)  # Vocabulary
    ownRead = Signal(object)  # OwnBlocks
    analysed = Signal(object, object)  # Document, Analysis
    failed = Signal(str)
    _finished = Signal(object, object, object)  # callback, value, error

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shapes = ThreadPoolExecutor(1, thread_name_prefix="crossmodal-shapes")
        self._answers = ThreadPoolExecutor(1, thread_name_prefix="crossmodal-answers")
        self._glances = ThreadPoolExecutor(1, thread_name_prefix="crossmodal-glances")
        self._insides = ThreadPoolExecutor(1, thread_name_prefix="crossmodal-insides")
        self._newest = 0
        self._lock = threading.Lock()
        self._vocabulary: Vocabulary | None = None
        self._closed = False
        self._sized: tuple[Any, list[Problem]] = (
            None,
            [],
        )  # what the last look at the data's size was about, and found
        self._finished.connect(_deliver)

    def read_vocabulary(self, *, again: bool = False) -> None:
        """Import the catalogues; gives :attr:`vocabularyRead` and :attr:`ownRead`. ``again``: own blocks are looked at anew."""
        self._shapes.submit(self._read_vocabulary, again)

    def _read_vocabulary(self, again: bool) -> None:
        try:
            self._vocabulary = full_vocabulary(again=again)
        except Exception as error:  # a broken block must be said, not swallowed with the thread
            self.failed.emit(tr("The blocks could not be read: {reason}", reason=f"{type(error).__name__}: {error}"))
            return
        self.vocabularyRead.emit(self._vocabulary)
        self.ownRead.emit(read_own())

    def analyse(self, document: Document) -> None:
        """Shapes, costs and Problems of a document; a newer question makes this one stale."""
        with self._lock:
            self._newest += 1
            turn = self._newest
        if not self._closed:
            self._shapes.submit(self._analyse, document, turn)

    def _analyse(self, document: Document, turn: int) -> None:
        if turn != self._newest:
            return
        try:
            load_engine()
            from core.compiler.compile import analyse  # torch, which is there now

            found = analyse(document, self._vocabulary)
        except Exception as error:  # said in the window; drawing goes on
            self.failed.emit(tr("The graph could not be analysed: {reason}", reason=f"{type(error).__name__}: {error}"))
            return
        if turn == self._newest:
            self.analysed.emit(document, found)
        several = len(source_nodes(document)) > 1
        if found.is_runnable and (several or document.sweep is not None):
            self._analyse_plan(document, found, turn, several)

    def _analyse_plan(self, document: Document, found: Analysis, turn: int, several: bool) -> None:
        """Behind the drawing's own Problems: of ``several`` sources those of their size, of a sweep those of its configurations."""
        from core.runs.planning import data_problems, plan_problems  # torch

        words = self.words()
        try:
            sized = _sized(document)
            if several and sized != self._sized[0]:
                self._sized = (sized, data_problems(document, words))
            if not several:
                self._sized = (None, [])
            more = [*self._sized[1], *(plan_problems(document, words) if document.sweep is not None else ())]
        except Exception as error:
            self.failed.emit(tr("The sweep could not be checked: {reason}", reason=f"{type(error).__name__}: {error}"))
            return
        if more and turn == self._newest:
            self.analysed.emit(document, replace(found, problems=(*found.problems, *more)))

    def glance(self, question: Callable[[], Any], answered: Callable[[Any, str], None]) -> Future[Any]:
        """As :meth:`ask`, for what is read from a disk in a moment: it does not wait for answers that take seconds."""
        return self.ask(question, answered, self._glances)

    def look_inside(self, question: Callable[[], Any], answered: Callable[[Any, str], None]) -> Future[Any]:
        """As :meth:`ask`, for what is kept between one look into a drawing and the next."""
        return self.ask(question, answered, self._insides)

    def words(self) -> Vocabulary:
        """The blocks there are, read where they were not read yet; not on the window's thread."""
        return self._vocabulary or full_vocabulary()

    def ask(
        self,
        question: Callable[[], Any],
        answered: Callable[[Any, str], None],
        lane: ThreadPoolExecutor | None = None,
    ) -> Future[Any]:
        """Run ``question`` on the slow lane; ``answered(value, sentence)`` is called on the window's thread."""

        def work() -> None:
            try:
                if lane is None:
                    load_engine()
                value, sentence = question(), ""
            except Refused as refused:
                value, sentence = None, refusal(refused)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                value, sentence = None, tr("The studio itself failed at this: {reason}", reason=reason)
            if not self._closed:
                self._finished.emit(answered, value, sentence)

        return (lane or self._answers).submit(work)

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits for answers any more: what takes long should stop."""
        return self._closed

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._closed = True
        self._newest += 1
        for lane in (self._shapes, self._answers, self._glances, self._insides):
            lane.shutdown(wait=True, cancel_futures=True)


def _sized(document: Document) -> tuple[Any, ...]:
    """What decides whether data fills its batches: the sources, the batch sizes, the mix, the length of the run."""
    document = flattened(document).document
    sources = tuple(
        (key, node.block, node.muted, node.bypassed, tuple(sorted(node.knobs.items())))
        for key, node in document.nodes.items()
        if node.block.startswith("sources.") or node.muted or node.bypassed
    )
    recipe = document.recipe
    mix = tuple(sorted((source, part.start, part.end, part.batch_size) for source, part in recipe.mix.parts.items()))
    return sources, recipe.batch_size, recipe.steps, mix, frozenset(wire.key for wire in document.wires)


def _deliver(answered: Callable[[Any, str], None], value: Any, sentence: str) -> None:
    answered(value, sentence)
