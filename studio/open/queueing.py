"""The queue of runs: what waits is begun when nothing else trains; a person may reorder it, run beside, or remove."""

from __future__ import annotations

from collections.abc import Callable

from core.problems import Refused
from core.store.answers import RunFacts
from core.telemetry.events import ENDED
from studio.open.host import Host
from studio.telling.sentences import refusal
from widgets.look.language import tr


class Queueing:
    """Belongs to the session. The queue itself lies in the store, so that it outlives the window."""

    def __init__(self, session: Host, sweeps_run: Callable[[], bool]) -> None:
        self._session, self._sweeps_run = session, sweeps_run
        self.is_closed = False

    def waiting(self) -> list[RunFacts]:
        """Runs that wait, the next one first."""
        return sorted((facts for facts in self._session.runs if facts.waits), key=lambda facts: facts.position or 0.0)

    def running(self) -> list[RunFacts]:
        """Runs that somebody has begun and that have not ended, wherever they are trained."""
        return [facts for facts in self._session.runs if facts.status not in ENDED and not facts.waits]

    def is_busy(self) -> bool:
        """Whether a new run waits."""
        return bool(self.running()) or self._sweeps_run()

    def begin_next(self) -> None:
        """The first of the queue, where nothing else trains; one that cannot begin is said and leaves the queue."""
        if self.is_closed or self.is_busy() or not (waiting := self.waiting()):
            return
        first = waiting[0]
        self._session.say(tr("{name} was next in the queue and begins.", name=first.name))
        self.begin(first)

    def begin(self, facts: RunFacts) -> None:
        """Begin one of the queue now, beside what runs."""
        session = self._session
        try:
            session.launch(facts.uid, facts.place)
        except Refused as refused:
            from core.store.waiting import give_up  # SQLAlchemy, which the window's first picture does not wait for

            why = str(refused)
            session.attempt(lambda: give_up(session.store, facts.uid, why))
            session.say(refusal(refused), "error")
            session.refresh_runs()

    def move(self, uid: str, by: int) -> None:
        """Earlier or later."""
        from core.store.waiting import move

        self._session.attempt(lambda: move(self._session.store, uid, by))
        self._session.refresh_runs()

    def remove(self, uid: str) -> None:
        """Out of the queue; like every run that is put aside it can be brought back."""
        self._session.attempt(lambda: self._session.library.delete(uid))
        self._session.refresh_runs()
