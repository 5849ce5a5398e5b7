"""Keeps what a run says. Saying costs the run an append; a thread of its own is the only writer of points.

What cannot be written now (a full disk, a locked file) waits in memory, then in a spool file beside the store, and is
written when it can be; a person is told once. Nothing that a run says ever stops, hangs or thins it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

from core.problems import Problem, Refused
from core.store.claims import NotOurs
from core.store.database import Store
from core.store.faults import STORE_ERRORS, cause_of, is_storage_fault
from core.store.spool import Spool, size_of
from core.store.writing import Writing
from core.telemetry.events import Event, Scalars

SECONDS_BETWEEN_FLUSHES = 0.1
SECONDS_BETWEEN_HEARTBEATS = 2.0
SECONDS_BETWEEN_RETRIES = 0.5
MOST_EVENTS_A_FLUSH = 20_000
MOST_EVENTS_IN_MEMORY = 100_000  # beyond this what waits goes to the spool file
MOST_BYTES_IN_MEMORY = 128 << 20


class _Ticket:
    """Stands in the queue; set when everything before it is in the store; ``spool``: or in the spool file."""

    def __init__(self, *, spool: bool = False) -> None:
        self.passed = threading.Event()
        self.kept = False
        self.spool = spool

    def settle(self, kept: bool) -> None:
        """Let go of whoever waits."""
        self.kept = kept
        self.passed.set()


class Recorder:
    """A listener that keeps everything in a store. Close it when the run ends.

    ``on_problem`` is told, on the recorder's thread, when something cannot be written; ``on_loss`` is called where another
    process has taken the run over: nothing is kept from then on, and whoever trains it should stop. ``durable`` commits every step
    before ``say`` returns and asks the disk to have it, so not even a power cut loses a step; it costs milliseconds. ``only_ended``:
    for what is found out about a run later; refused where it trains.
    """

    def __init__(
        self, store: Store, run_id: int, *, durable: bool = False, only_ended: bool = False,
        on_problem: Callable[[Problem], None] | None = None, on_loss: Callable[[], None] | None = None,
        seconds_between_flushes: float = SECONDS_BETWEEN_FLUSHES,
    ) -> None:  # fmt: skip
        self.problems: list[Problem] = []
        self._store = store
        self._on_problem, self._on_loss = on_problem, on_loss
        self._lost = False
        self._pause = seconds_between_flushes
        self._queue: deque[Event | _Ticket] = deque()
        self._waiting: list[Event | _Ticket] = []  # taken from the queue or the spool, not yet committed
        self._waiting_bytes = 0
        self._from_spool = False
        self._spool_failed = False
        self._writing = Writing(store, run_id, only_ended=only_ended)
        self._spool = Spool.taken_up(store, run_id, self._writing.attempt)
        self._wake = threading.Event()
        self._closing = False
        self._patient_until = 0.0
        self._finished = False
        self._failing = False
        self._heartbeat_due = 0.0
        self._retry_due = 0.0
        self._turn = threading.Lock()
        if durable:
            store.make_durable()
        else:
            self.say = self._queue.append  # type: ignore[method-assign, assignment]  # saying is an append and nothing else
        self._thread = threading.Thread(target=self._run, name=f"crossmodal-recorder-{run_id}", daemon=True)
        self._thread.start()

    def say(self, event: Event) -> None:
        """Take an event; microseconds, never raises. (Durable: when the step is on the disk.)"""
        self._queue.append(event)
        if isinstance(event, Scalars) and not self._failing:
            self.flush(2.0)

    @property
    def is_failing(self) -> bool:
        """Whether what was said is waiting because the store cannot be written."""
        return self._failing

    def flush(self, seconds: float = 10.0) -> bool:
        """Wait until everything said so far is in the store; False where it is not in time."""
        ticket = _Ticket()
        self._queue.append(ticket)
        self._wake.set()
        ticket.passed.wait(seconds)
        return ticket.kept

    def secure(self, seconds: float = 30.0) -> bool:
        """Wait until a kill can lose nothing of what was said so far: it is in the store, or in the spool file."""
        ticket = _Ticket(spool=True)
        self._queue.append(ticket)
        self._wake.set()
        ticket.passed.wait(seconds)
        return ticket.kept

    def truncate_after(self, step: int, *, seconds: float = 10.0) -> bool:
        """Forget everything said after a step: the run goes on from an earlier checkpoint. False where it failed."""
        if not self.flush(seconds):
            return False
        with self._turn:
            try:
                self._writing.truncate_after(step)
            except (*STORE_ERRORS, Refused) as error:
                self._tell(f"The run's record could not be cut back to step {step}: {cause_of(error)}.")
                return False
        return True

    def close(self, timeout: float = 10.0, *, patience: float = 0.0) -> bool:
        """Write what is left and end the thread. False where it could not be written: it is then in the spool file.

        ``patience``: for so many seconds a store that cannot be written is tried again.
        """
        self._patient_until = time.monotonic() + patience
        self._closing = True
        self._wake.set()
        self._thread.join(timeout + patience)
        return self._finished

    # The recorder's thread

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause)
            self._wake.clear()
            closing = self._closing
            with self._turn:
                self._turn_once(closing)
                if closing and not (self._failing and time.monotonic() < self._patient_until):
                    self._finish()
                    return

    def _turn_once(self, closing: bool) -> None:
        """Write, and hold what cannot be written. Whatever goes wrong, the thread goes on: it is tried again."""
        if self._lost:
            self._forget()
            return
        try:
            if not self._failing or closing or time.monotonic() >= self._retry_due:
                self._drain()
            if self._failing:
                self._hold()
        except NotOurs as error:
            self._lose(error)
        except Exception as error:
            self._failed(error)

    def _drain(self) -> None:
        """Write what waits, oldest first: memory, then the spool file, then the queue."""
        while self._take() or time.monotonic() >= self._heartbeat_due:
            if not self._write():
                return

    def _take(self) -> bool:
        if not self._waiting:
            self._waiting_bytes = 0
            self._from_spool = not self._spool.is_empty
            if self._from_spool:
                self._waiting = list(self._spool.take(MOST_EVENTS_A_FLUSH))
                if not self._waiting:
                    self._spool.confirm()
            else:
                self._take_all(MOST_EVENTS_A_FLUSH)
        return bool(self._waiting)

    def _take_all(self, most: int | None = None) -> None:
        pop, put = self._queue.popleft, self._waiting.append
        for _ in range(len(self._queue) if most is None else min(most, len(self._queue))):
            put(pop())

    def _write(self) -> bool:
        batch = self._waiting[:MOST_EVENTS_A_FLUSH]
        events = [entry for entry in batch if not isinstance(entry, _Ticket)]
        try:
            odd = self._keep(events)
        except (*STORE_ERRORS, Refused) as error:
            self._failed(error)
            return False
        del self._waiting[: len(batch)]
        for sentence in odd:
            self._tell(sentence)
        for entry in batch:
            if isinstance(entry, _Ticket):
                entry.settle(True)
        self._succeeded()
        return True

    def _keep(self, events: list[Event]) -> list[str]:
        """Write events together; one that no table takes is left out and must not hold up the others."""
        try:
            return self._writing.write(events)
        except Exception as error:
            if isinstance(error, Refused | NotOurs) or is_storage_fault(error):
                raise
            if len(events) < 2:
                name = type(events[0]).__name__ if events else "heartbeat"
                return [f"A {name} event could not be kept: {cause_of(error)}."]
        half = len(events) // 2
        return self._keep(events[:half]) + self._keep(events[half:])

    def _succeeded(self) -> None:
        self._heartbeat_due = time.monotonic() + SECONDS_BETWEEN_HEARTBEATS
        if self._from_spool and not self._waiting:
            self._spool.confirm()
        if self._failing:
            self._failing = False
            self._tell("The run's record can be written again; nothing was lost.", "hint")
        self._store.fold()

    def _failed(self, error: Exception) -> None:
        self._retry_due = time.monotonic() + SECONDS_BETWEEN_RETRIES
        if not self._failing:
            self._failing = True
            self._tell(
                f"The run's record cannot be written now: {cause_of(error)}. What it says waits and is not lost."
            )

    # A run that another process has taken over

    def _lose(self, error: NotOurs) -> None:
        """Stop: two that write one run would write it wrong, and the other has gone on from a checkpoint."""
        self._lost = True
        self._forget()
        self._tell(str(error))
        if self._on_loss is not None:
            self._on_loss()

    def _forget(self) -> None:
        _let_go((*self._waiting, *(self._queue.popleft() for _ in range(len(self._queue)))), False)
        self._waiting, self._waiting_bytes, self._from_spool = [], 0, False
        self._spool.discard()

    # What waits while the store cannot be written

    def _hold(self) -> None:
        """Memory holds so much, the spool file the rest; what is said later is put after what was said before."""
        if any(isinstance(entry, _Ticket) and entry.spool for entry in (*self._waiting, *self._queue)):
            self._spool_everything()
            return
        newest: list[Event | _Ticket] = []
        if self._spool.is_empty:
            before = len(self._waiting)
            self._take_all()
            for index in range(before, len(self._waiting)):
                self._waiting_bytes += _size(self._waiting[index])
                if index >= MOST_EVENTS_IN_MEMORY or self._waiting_bytes > MOST_BYTES_IN_MEMORY:
                    newest = self._waiting[index:]
                    del self._waiting[index:]
                    break
            else:
                return
        newest += [self._queue.popleft() for _ in range(len(self._queue))]
        _let_go(newest, False)
        self._spool_out([entry for entry in newest if not isinstance(entry, _Ticket)])

    def _spool_everything(self) -> bool:
        """Onto the disk beside the store, in the order of saying. False where the disk takes nothing: all still waits."""
        waiting = [] if self._from_spool else [entry for entry in self._waiting if not isinstance(entry, _Ticket)]
        tickets = [entry for entry in self._waiting if isinstance(entry, _Ticket)]
        queued = [self._queue.popleft() for _ in range(len(self._queue))]
        newest = [entry for entry in queued if not isinstance(entry, _Ticket)]
        tickets += [entry for entry in queued if isinstance(entry, _Ticket)]
        try:
            if waiting:
                self._spool.put_first(waiting)
            if not self._from_spool:
                self._waiting, self._waiting_bytes = [], 0
            if newest:
                self._spool.extend(newest)
        except OSError as error:
            self._queue.extendleft(reversed(newest))
            self._tell_of_spool(error)
            _let_go(tickets, False)
            return False
        for ticket in tickets:
            ticket.settle(ticket.spool)
        return True

    def _spool_out(self, newest: list[Event]) -> None:
        if not newest:
            return
        try:
            self._spool.extend(newest)
        except OSError as error:
            self._queue.extendleft(reversed(newest))
            self._tell_of_spool(error)

    def _tell_of_spool(self, error: OSError) -> None:
        if not self._spool_failed:
            self._spool_failed = True
            self._tell(f"The spool file cannot be written either: {cause_of(error)}. All waits in memory.")

    def _finish(self) -> None:
        """The run ends. What cannot be written goes to the spool file, which the next recorder of this run takes up."""
        if self._lost:
            self._forget()
            return
        waiting = any(not isinstance(entry, _Ticket) for entry in (*self._waiting, *self._queue))
        if not waiting and self._spool.is_empty:
            self._finished = not self._failing
            _let_go((*self._waiting, *self._queue), self._finished)
            return
        try:
            kept = self._spool_everything()
        except Exception as error:  # the thread ends here in any case
            kept = False
            self._tell_of_spool(OSError(str(error)))
        name = self._spool.path.name
        if kept:
            self._tell(f"The end of the run's record waits in {name} until the run is opened again.")
        else:
            self._tell("The end of the run's record could not be kept: neither the store nor the spool file takes it.")

    def _tell(self, what: str, severity: Literal["warning", "hint"] = "warning") -> None:
        problem = Problem(what=what, severity=severity)
        self.problems.append(problem)
        if self._on_problem is not None:
            try:
                self._on_problem(problem)
            except Exception:  # whoever listens must not end the recorder's thread
                self._on_problem = None


def _size(entry: Event | _Ticket) -> int:
    return 0 if isinstance(entry, _Ticket) else size_of(entry)


def _let_go(entries: Iterable[Event | _Ticket], kept: bool) -> None:
    for entry in entries:
        if isinstance(entry, _Ticket):
            entry.settle(kept)
