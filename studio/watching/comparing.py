"""The curves of compared runs over each other, read by a pump of their own: the timeline goes on showing its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from core.exploring.views import Chart
from core.store.answers import RunFacts
from studio.session import Session
from studio.watching.pump import Pump
from widgets.library.library import LibraryView

if TYPE_CHECKING:
    from widgets.monitors.curves.overlay import OverlayMonitor


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
        self._session, self._library = session, library
        self._chart: Chart | None = None  # of a view, before there are curves
        self._pump = WholePump(session.library.reader, self)
        for page in (library.compare, library.groups):
            page.closed.connect(lambda: self._pump.set_runs())
        library.groups.groupsChanged.connect(self.show_groups)
        library.chartApplied.connect(self.apply)
        session.runsChanged.connect(self._grown)
        self._pump.failed.connect(lambda sentence: session.say(sentence, "warning"))

    @cached_property
    def curves(self) -> OverlayMonitor:
        """Made when runs are first compared."""
        from widgets.monitors.curves.overlay import OverlayMonitor  # pyqtgraph

        curves = OverlayMonitor()
        curves.settingsChanged.connect(self._library.viewChanged)
        self._pump.add(curves)
        if self._chart is not None:
            curves.set_chart(self._chart)
        self._library.chart = curves.chart
        return curves

    def show(self, runs: Sequence[RunFacts]) -> None:
        """Read these runs from now on."""
        self._library.compare.set_curves(self.curves)
        self.curves.set_bundles(())
        self._pump.set_runs(*(facts.uid for facts in runs), step=_last_step(runs))

    def show_groups(self, groups: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Draw these groups, by title and runs."""
        from widgets.monitors.curves.overlay import Bundle  # pyqtgraph

        self._library.groups.set_curves(self.curves)
        uids = list(dict.fromkeys(uid for _, members in groups for uid in members))
        places = {uid: place for place, uid in enumerate(uids)}
        self.curves.set_bundles(
            [Bundle(title=title, runs=tuple(places[uid] for uid in members)) for title, members in groups]
        )
        runs = [facts for facts in self._session.runs if facts.uid in places]
        self._pump.set_runs(*uids, step=_last_step(runs))

    def apply(self, chart: Chart) -> None:
        """The curves of a view."""
        self._chart = chart
        if "curves" in self.__dict__:
            self.curves.set_chart(chart)

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
