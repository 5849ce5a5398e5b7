"""The header's chip and its list: which run is looked at, what it is about, what else runs and what waits."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.store.answers import Head, RunFacts
from core.telemetry.events import ENDED
from studio.session import Session
from studio.watching.pump import Pump
from widgets.look.language import tr
from widgets.look.quantities import duration
from widgets.look.states import is_waiting, state_words
from widgets.run_chip import RunChip
from widgets.run_list import RunList

TONES = {"failed": "bad", "diverged": "bad", "interrupted": "bad"}


class Running(QObject):
    """Writes the chip from the head that the monitors follow, the list from the library."""

    def __init__(self, session: Session, chip: RunChip, pump: Pump) -> None:
        super().__init__(chip)
        self._session, self._chip, self._head = session, chip, Head()
        self.list = RunList(chip)
        chip.clicked.connect(self.open)
        pump.headMoved.connect(self._follow)
        session.runsChanged.connect(self._refresh)
        session.watchedChanged.connect(self._refresh)
        session.stateChanged.connect(self._refresh)
        queueing = session.queueing
        self.list.watchRequested.connect(lambda uid: session.watch(uid))
        self.list.stopRequested.connect(session.stop)
        self.list.moveRequested.connect(queueing.move)
        self.list.removeRequested.connect(queueing.remove)
        self.list.beginRequested.connect(self._begin)
        self._refresh()

    def open(self) -> None:
        """The list, under the chip."""
        self._refresh()
        self.list.open_at(self._chip.mapToGlobal(self._chip.rect().bottomRight()))

    def _begin(self, uid: str) -> None:
        facts = self._session.facts(uid)
        if facts is not None and facts.waits:
            self._session.queueing.begin(facts)

    def _follow(self, head: Head) -> None:
        self._head = head
        self._write(self._session.facts(self._session.watched))

    def _refresh(self, *_: object) -> None:
        queueing, session = self._session.queueing, self._session
        self._write(session.facts(session.watched))
        self.list.set_runs(queueing.running(), queueing.waiting(), session.watched, session.stopping)

    def _write(self, facts: RunFacts | None) -> None:
        running, waiting = self._session.queueing.running(), self._session.queueing.waiting()
        others = [facts for facts in running if facts.uid != self._session.watched]
        more = [
            tr("{n} more running", n=len(others)) if others else "",
            tr("{n} waiting in the queue", n=len(waiting)) if waiting else "",
        ]
        tip = "\n".join(filter(None, more))
        if facts is None:
            self._chip.show_run(tr("No run on the monitors") if running or waiting else tr("No run"), tip=tip)
            return
        now: Head | RunFacts = self._head if self._is_newer(facts) else facts
        measured = facts.uid in self._session.evaluating and now.phase == "evaluating"  # as was asked for
        stopping = (facts.uid in self._session.stopping and not measured) or now.phase == "stopping"
        state = state_words(now, stopping=stopping)
        count = f" (+{len(others) + len(waiting)})" if others or waiting else ""
        self._chip.show_run(
            state + count, facts.name, self._figures(now, stopping), tone=self._tone(now), tip=tip or facts.reason
        )

    def _is_newer(self, facts: RunFacts) -> bool:
        """The head is read ten times a second, the library once; of another run it says nothing."""
        return self._head.revision > 0 and self._head.step >= facts.step and facts.status not in ENDED

    def _figures(self, now: Head | RunFacts, stopping: bool) -> str:
        if is_waiting(now) or now.status in ENDED or not now.steps:
            return ""
        left = now.seconds_left if isinstance(now, Head) and not stopping else None
        steps = f"{now.step:,} / {now.steps:,}"
        return f"{steps} · {tr('{time} left', time=duration(left))}" if left is not None else steps

    def _tone(self, now: Head | RunFacts) -> str:
        if now.status in ENDED:
            return TONES.get(now.status, "muted")
        return "waiting" if is_waiting(now) or now.status == "paused" else "live"
