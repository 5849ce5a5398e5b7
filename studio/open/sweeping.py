"""The sweeps of the session's store: begun, carried out one after the other behind the window, and spoken to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.graph.file import loads
from core.graph.sweep import Sweep
from core.problems import Refused
from core.runs.paper import FORMATS
from core.runs.verdict import Table, table
from core.store.answers import SweepFacts, TrialFacts
from studio.open.host import Host
from studio.telling.sentences import refusal, spoken
from widgets.look.language import tr

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.runs.sweeping import SweepThread
    from core.store.sweeps import Sweeps

LOOK_MILLISECONDS = 700
LONGEST_STOP_SECONDS = 30.0


class Sweeping(QObject):
    """Belongs to the session, so that another language or a new window does not stop a sweep."""

    sweepsChanged = Signal(object)  # list[SweepFacts]
    begun = Signal(str)  # uid
    _ended = Signal(object, str, str)  # SweepThread, uid, state; from that thread

    def __init__(self, session: Host, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.found: list[SweepFacts] = []
        self._thread: SweepThread | None = None
        self._closed = False
        self._plans: dict[str, Sweep | None] = {}
        self._timer = QTimer(self, interval=LOOK_MILLISECONDS)
        self._timer.timeout.connect(self.refresh)
        self._ended.connect(self._take_end)

    @property
    def sweeps(self) -> Sweeps:
        """Those of the store."""
        return self._session.kept.sweeps

    def start(self) -> None:
        """Look at the store now and from time to time; what a crash left is paused and said."""
        gone = self._attempt(self.sweeps.mark_interrupted) or []
        if gone:
            names = ", ".join(facts.name for facts in gone[:3])
            self._session.say(
                tr("The sweep {names} was interrupted; Resume in Sweeps goes on.", names=names), "warning"
            )
        self.refresh()
        self._timer.start()

    def refresh(self) -> None:
        """Read the sweeps again; say so where something changed, or a trial is trained."""
        try:
            found = self.sweeps.all()
            if any(facts.state == "running" and not facts.alive for facts in found) and not self.is_running():
                self.sweeps.mark_interrupted()
                found = self.sweeps.all()
        except Refused as refused:
            self._session.say(refusal(refused), "warning")
            return
        if found != self.found or any(facts.counts.get("running") for facts in found):
            self.found = found
            self.sweepsChanged.emit(found)

    def _attempt(self, act: Callable[[], Any]) -> Any:
        found = self._session.attempt(act)
        if not self._closed:
            self.refresh()
        return found

    # Beginning and carrying out

    def begin(self) -> None:
        """The document's sweep, put into the queue."""
        session = self._session
        if session.analysis is not None and not session.analysis.is_runnable:
            session.say(spoken(next(p for p in session.analysis.problems if p.severity == "error")), "error")
            return
        document, words, place = session.document, session.vocabulary, session.preferences.place
        from core.runs.sweeping import begin_sweep

        session.engine.ask(lambda: begin_sweep(session.store, document, words, place=place), self._take_begun)

    def _take_begun(self, facts: SweepFacts | None, sentence: str) -> None:
        if facts is None:
            self._session.say(sentence, "error")
            return
        self.go_on(facts.uid)
        self.begun.emit(facts.uid)

    def go_on(self, uid: str) -> None:
        """Carry a sweep out or on; while another runs here, it waits in the queue."""
        if self._thread is not None and self._thread.is_alive():
            if self._thread.uid == uid:
                self._attempt(lambda: self.sweeps.begin(uid))
                return
            self._attempt(lambda: self.sweeps.set_state(uid, "queued"))
            self._session.say(tr("It waits until the sweep before it has ended."))
            return
        from core.runs.sweeping import SweepThread

        thread = SweepThread(self._session.store, uid, lambda uid, state: self._ended.emit(thread, uid, state))
        self._thread = thread
        thread.start()
        self.refresh()

    def _take_end(self, thread: SweepThread, uid: str, state: str) -> None:
        thread.join()
        if self._thread is thread:  # and not one that has gone on with it meanwhile
            self._thread = None
        if thread.error:
            self._session.say(thread.error, "error")
        if self._closed:
            return
        self.refresh()
        self._session.refresh_runs()
        facts = next((facts for facts in self.found if facts.uid == uid), None)
        if facts is not None and state == "finished":
            self._session.say(tr("The sweep {name} is finished.", name=facts.name))
        from core.store.sweeps import WORKER

        waiting = (facts for facts in self.found if facts.state == "queued" and facts.place != WORKER)
        following = next((facts for facts in waiting if facts.uid != uid), None)
        if following is not None and state == "finished":
            self.go_on(following.uid)

    def pause(self, uid: str) -> None:
        """No further trial is begun; the one that is trained is finished."""
        self._attempt(lambda: self.sweeps.set_state(uid, "paused"))

    def stop(self, uid: str) -> None:
        """The trials that are trained are saved and wait again, whoever trains them and on whichever machine."""
        here = self._thread if self._thread is not None and self._thread.uid == uid else None
        if here is not None:
            here.stop()
        self.pause(uid)
        for trial in self.sweeps.trials(uid):
            if trial.state == "running" and trial.run and (here is None or trial.run != here.training):
                self._session.attempt(partial(self._session.library.send_command, trial.run, "stop", {}))

    # Asked for by the page

    def skip(self, uid: str, numbers: tuple[int, ...]) -> None:
        """Leave trials out."""
        self._attempt(lambda: self.sweeps.skip(uid, numbers))

    def requeue(self, uid: str, numbers: tuple[int, ...]) -> None:
        """Trials that failed or were left out wait again."""
        failed = [t.number for t in self.sweeps.trials(uid) if t.number in numbers and t.state in ("failed", "skipped")]
        self._attempt(lambda: self.sweeps.requeue(uid, failed))

    def move(self, uid: str, number: int, by: int) -> None:
        """Earlier or later in the queue."""
        self._attempt(lambda: self.sweeps.move(uid, number, by))

    def move_sweep(self, uid: str, by: int) -> None:
        """The whole sweep earlier or later."""
        self._attempt(lambda: self.sweeps.move_sweep(uid, by))

    def set_continue_on_error(self, uid: str, on: bool) -> None:
        """Whether a failed trial pauses the sweep."""
        self._attempt(lambda: self.sweeps.set_continue_on_error(uid, on))

    def delete(self, uid: str) -> None:
        """Put a sweep aside; one that runs here is stopped."""
        self.stop(uid)
        self._attempt(lambda: self.sweeps.delete(uid))

    def plan(self, uid: str) -> Sweep | None:
        """The plan that a sweep was begun with; it never changes."""
        if uid not in self._plans:
            self._plans[uid] = loads(self.sweeps.document_text(uid)).sweep
        return self._plans[uid]

    def result(self, uid: str) -> tuple[Sweep, list[TrialFacts], Table] | None:
        """Plan, trials and table of a sweep; None where it cannot be read."""
        try:
            plan = self.plan(uid)
            trials = self.sweeps.trials(uid)
        except Refused as refused:
            self._session.say(refusal(refused), "warning")
            return None
        return (plan, trials, table(plan, trials)) if plan is not None else None

    def export(self, uid: str, kind: str, path: str) -> None:
        """Write the table as CSV, Markdown or LaTeX."""
        found = self.result(uid)
        if found is None:
            return
        try:
            Path(path).write_text(FORMATS[kind](found[2]), encoding="utf-8")
        except OSError as error:
            self._session.say(
                tr("{path} cannot be written: {reason}", path=path, reason=error.strerror or str(error)), "error"
            )
            return
        self._session.say(tr("The table was written to {path}.", path=path))

    def is_running(self) -> bool:
        """Whether a sweep is carried out by this window."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Save the trial that is trained; the sweep can be resumed."""
        self._closed = True
        self._timer.stop()
        thread = self._thread
        if thread is not None:
            thread.stop()
            thread.join(LONGEST_STOP_SECONDS)
