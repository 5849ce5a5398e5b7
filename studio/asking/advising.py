"""The advisor behind its panel: reads the data off the window's thread, asks the trees, applies, and remembers what was put aside."""

from __future__ import annotations

from functools import cache
from typing import Any

from PySide6.QtCore import QObject

from core.advice.advise import advise
from core.advice.case import Case
from core.advice.machine import Machine, this_machine
from core.advice.proposal import Proposal
from core.graph.dataset import DataReading
from core.graph.document import Document
from core.graph.subgraphs.flat import flattened
from core.graph.subgraphs.specs import words_of
from studio.open.documents import examples
from studio.session import Session
from widgets.advice import AdvicePanel
from widgets.look.language import said, tr
from widgets.look.titles import titles_of

Sources = tuple[Any, ...]


class Advising(QObject):
    """Works only while the panel is in sight; what the data holds is kept until another source or setting is drawn."""

    def __init__(self, session: Session, panel: AdvicePanel) -> None:
        super().__init__(panel)
        self._session, self._panel = session, panel
        self._read: tuple[Sources, dict[str, DataReading]] | None = None
        self._reading: Sources | None = None
        self._machine: Machine | None = None
        session.analysisChanged.connect(lambda _: self.refresh())
        session.lookedAgain.connect(self._forget)
        panel.shown.connect(self.refresh)
        panel.applyRequested.connect(self.apply)
        panel.laterRequested.connect(self._later)
        panel.neverRequested.connect(self._never)
        panel.allRequested.connect(self._all)

    def refresh(self) -> None:
        """Ask the trees about the drawing as it is now, once its data has been counted."""
        session = self._session
        if not self._panel.isVisible():
            return
        if session.analysis is None or not session.is_engine_ready:
            self._show((), tr("The graph is being read…"))
            return
        told = sources_of(session.document)
        if self._read is None or self._read[0] != told:
            self._read_data(told)
            self._show((), tr("Reading the data…"))
            return
        found = self._proposals()
        kept = [one for one in found if not self._is_aside(one)]
        self._show(kept, self._sentence(kept), len(found) - len(kept))

    def _read_data(self, told: Sources) -> None:
        if self._reading == told:
            return
        self._reading, document = told, self._session.document

        def look() -> Any:
            from core.compiler.reading import readings  # torch, which is there now

            return readings(document)

        def take(found: Any, sentence: str) -> None:
            if self._reading != told:
                return  # another drawing is read meanwhile
            self._reading, self._read = None, (told, found or {})
            self.refresh()

        self._session.engine.ask(look, take)

    def _forget(self) -> None:
        self._read = None
        self.refresh()

    def _proposals(self) -> tuple[Proposal, ...]:
        session, read = self._session, self._read
        if session.analysis is None or read is None:
            return ()
        self._machine = self._machine or this_machine()
        return advise(
            Case(document=session.document, words=words_of(session.document, session.blocks), analysis=session.analysis, readings=read[1], machine=self._machine)
        )  # fmt: skip

    def _sentence(self, found: list[Proposal]) -> str:
        if found:
            return tr("Proposals: {n}. Each is one step to undo.", n=len(found))
        if self._read is not None and not self._read[1]:
            return tr("Nothing to propose. No data could be read: with it more can be said.")
        return tr("Nothing to propose: what is drawn follows all rules.")

    def _show(self, found: tuple[Proposal, ...] | list[Proposal], sentence: str, aside: int = 0) -> None:
        self._panel.set_proposals(
            found, sentence=sentence, aside=aside, titles=titles_of(self._session.document), names=example_names()
        )

    def apply(self, proposal: Proposal) -> None:
        """One step: the proposal as it is for the drawing now, which may have changed since."""
        now = next((one for one in self._proposals() if one.key == proposal.key), None)
        if now is None:
            self._session.say(tr("That is no longer proposed for this graph."), "warning")
            self.refresh()
            return
        self._session.edit(now.document, said(now.what).rstrip(".。"))

    # What was put aside

    def _mark(self, proposal: Proposal) -> str:
        return f"{self._session.document.id} {proposal.key}"

    def _is_aside(self, proposal: Proposal) -> bool:
        preferences = self._session.preferences
        return proposal.kind in preferences.advice_never or self._mark(proposal) in preferences.advice_later

    def _later(self, proposal: Proposal) -> None:
        preferences = self._session.preferences
        preferences.advice_later = (*preferences.advice_later, self._mark(proposal))
        self.refresh()

    def _never(self, proposal: Proposal) -> None:
        preferences = self._session.preferences
        preferences.advice_never = (*preferences.advice_never, proposal.kind)
        self.refresh()

    def _all(self) -> None:
        preferences, document = self._session.preferences, self._session.document.id
        shown = {one.kind for one in self._proposals()}
        preferences.advice_never = tuple(kind for kind in preferences.advice_never if kind not in shown)
        preferences.advice_later = tuple(
            mark for mark in preferences.advice_later if not mark.startswith(f"{document} ")
        )
        self.refresh()


def sources_of(document: Document) -> Sources:
    """What decides which data a drawing trains on."""
    return tuple(
        (key, node.block, node.muted, tuple(sorted(node.knobs.items(), key=lambda item: item[0])))
        for key, node in flattened(document).document.nodes.items()
        if node.block.startswith("sources.")
    )


@cache
def _example_titles() -> dict[str, str]:
    return {example.key: example.document.name for example in examples()}


def example_names() -> dict[str, str]:
    """Examples' names in the person's language."""
    return {key: tr(name) for key, name in _example_titles().items()}
