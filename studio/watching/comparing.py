"""The curves of compared runs over each other, read by a pump of their own: the timeline goes on showing its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from PySide6.QtCore import QObject

from core.store.answers import RunFacts
from studio.session import Session
from studio.watching.pump import Pump
from widgets.library.library import LibraryView
from widgets.monitors.catalog import monitors
from widgets.monitors.monitor import Monitor


class WholePump(Pump):
    """Shows runs up to their last step; pointing at a curve does not cut it off."""

    def set_step(self, step: int) -> None:
        """The comparison has no timeline."""

    def show_upto(self, step: int) -> None:
        """The step of the longest run."""
        self.set_cursor(replace(self.cursor, step=step, follows_head=False))


class Comparing(QObject):
    """Feeds the library's comparison."""

    def __init__(self, session: Session, library: LibraryView) -> None:
        super().__init__(library)
        self._library = library
        self._pump = WholePump(session.library.reader, self)
        library.compare.closed.connect(lambda: self._pump.set_runs())
        session.runsChanged.connect(self._grown)
        self._pump.failed.connect(lambda sentence: session.say(sentence, "warning"))

    @cached_property
    def curves(self) -> Monitor:
        """Made when runs are first compared."""
        curves = monitors["loss"]()
        self._pump.add(curves)
        return curves

    def show(self, runs: Sequence[RunFacts]) -> None:
        """Read these runs from now on."""
        self._library.compare.set_curves(self.curves)
        self._pump.set_runs(*(facts.uid for facts in runs), step=_last_step(runs))

    def _grown(self, found: Sequence[RunFacts]) -> None:
        """A compared run that still trains gets longer."""
        compared = set(self._pump.cursor.runs)
        if compared:
            self._pump.show_upto(max(self._pump.cursor.step, _last_step([f for f in found if f.uid in compared])))

    def is_idle(self) -> bool:
        """Whether every curve is drawn."""
        return self._pump.is_idle()

    def close(self) -> None:
        """End the reader's thread."""
        self._pump.close()


def _last_step(runs: Sequence[RunFacts]) -> int:
    return max((facts.step for facts in runs), default=0)
