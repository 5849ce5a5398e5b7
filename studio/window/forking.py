"""A fork is asked for: it begins at once where all of the checkpoint fits, else what is carried and what is not is shown first."""

from __future__ import annotations

from typing import Any

from core.graph.inheritance import Inheritance
from studio.session import Fork, Session
from studio.window.frame import Frame
from widgets.fork_sheet import ForkSheet
from widgets.look.language import tr
from widgets.look.titles import titles_of


class Forking:
    """From the wish, wherever it was made, to the run."""

    def __init__(self, session: Session, window: Frame) -> None:
        self._session, self._window = session, window

    def ask(self, uid: str, step: int) -> None:
        """Fork a run at the newest kept checkpoint at or before a step."""
        wanted = self._session.forkable(uid, step)
        if wanted is None:
            return
        if not wanted.changed:
            self._begin(wanted)
            return
        library = self._session.library

        def read() -> Any:
            from core.runs.forking import foreseen_fork  # torch, which the engine has loaded by then

            return foreseen_fork(library, uid, step, wanted.document)

        self._session.say(tr("Looking at what fits…"))
        self._session.engine.ask(read, lambda found, why: self._show(wanted, found, why))

    def _show(self, wanted: Fork, found: Inheritance | None, why: str) -> None:
        if found is None:
            self._session.say(why, "error")
            return
        if found.is_whole:
            self._begin(wanted)
            return
        facts = self._session.facts(wanted.uid)
        titles = {**titles_of(wanted.before), **titles_of(wanted.document)}
        sheet = ForkSheet(facts.name if facts else wanted.uid, found, titles, self._window)
        sheet.accepted.connect(lambda: self._begin(wanted))
        sheet.show()

    def _begin(self, wanted: Fork) -> None:
        if self._session.fork(wanted):
            self._window.show_page("train")
