"""The one place where store data enters the window: a round-robin scheduler, one picture a tick, within a budget.

Reads happen on one reader thread, pictures are drawn on the window's thread. A tick (13 ms) draws at most one picture;
a picture that cost more than the budget is paid back by idle ticks. Answers that are older than the question are
dropped by generation (as in ndv). A monitor that fails says so in its own place; the others go on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from core.exploring.tray import Held
from core.problems import Refused
from core.store.answers import Axis, Head, MarkFacts
from core.telemetry.events import ENDED
from studio.telling.sentences import refusal
from widgets.look.language import said, tr
from widgets.look.states import awaited
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor

TICK_MILLISECONDS = 13
BUDGET_SECONDS = 0.006  # of drawing a tick
LIVE_POLL_SECONDS = 0.1
ENDED_POLL_SECONDS = 1.0
MARK_POLL_SECONDS = 0.5
DRAG_SECONDS = 0.15  # moves closer than this are one drag: pictures on the way are shown, not dropped
MOST_BESIDE = 7  # runs drawn beside the watched one
IDLE_MILLISECONDS = 100  # of a tick while there is nothing to do

if TYPE_CHECKING:  # SQLAlchemy, which the window's first picture does not wait for
    from core.store.reader import RunReader

    ReaderFactory = Callable[[str], RunReader]
logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Seat:
    """One monitor with what the pump knows of it."""

    monitor: Monitor
    generation: int = 0  # of the question; live and a drag ask the same one again
    dirty: bool = True
    urgent: bool = True  # a person asked; no pause is kept
    presented: float = -1e9  # monotonic seconds of the last picture
    answer: tuple[int, Any, str] | None = None  # generation, value, sentence of the failure


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What a look at the head gave."""

    head: Head
    marks: tuple[MarkFacts, ...] | None
    place: float  # the cursor on the chosen axis


class Pump(QObject):
    """Keeps every visible monitor at the cursor, never making the window wait."""

    headMoved = Signal(object)  # Head
    cursorMoved = Signal(object)  # Cursor
    marksChanged = Signal(object)  # tuple[MarkFacts, ...]
    placed = Signal(float)  # where the cursor lies on the chosen axis
    mediaPicked = Signal(object)  # Held: a person wants it on the tray
    failed = Signal(str)  # a sentence

    def __init__(self, reader_factory: ReaderFactory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._factory = reader_factory
        self._readers: dict[str, RunReader] = {}  # reader thread only
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pump-reader")
        self._arrived: deque[Callable[[], None]] = deque()
        self._seats: dict[Monitor, Seat] = {}
        self._turn: deque[Seat] = deque()
        self._cursor = Cursor()
        self._head = Head()
        self._marks: tuple[MarkFacts, ...] = ()
        self._marks_revision = 0  # of the run, when its marks were read
        self._age = 0  # grows with every other run or cursor
        self._busy: Future[None] | None = None
        self._glanced = self._marked = self._moved = -1e9
        self._must_glance = self._has_glanced = self._has_just_glanced = False
        self._credit = 0.0
        self._closed = False
        self._last_failure = ""
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)

    # What the session says

    @property
    def cursor(self) -> Cursor:
        """Where every monitor stands."""
        return self._cursor

    @property
    def head(self) -> Head:
        """How far the first run has come, as last seen."""
        return self._head

    def set_runs(self, *uids: str, step: int | None = None) -> None:
        """Look at these runs: live where no step is given, else at that step. No run clears every monitor."""
        self._head, self._marks, self._marks_revision = Head(), (), 0
        self._last_failure = ""
        self._has_glanced = False
        beside = tuple(uid for uid in self._cursor.beside if uid not in uids)
        self._readers_forgotten((*uids, *beside))
        self._glanced = self._marked = -1e9
        self.set_cursor(
            replace(self._cursor, runs=tuple(uids), step=step or 0, follows_head=step is None, beside=beside)
        )
        self.marksChanged.emit(())
        self.headMoved.emit(self._head)
        for seat in self._seats.values():
            seat.monitor.set_awaited(tr("This run is being read.") if uids else "")
            if not uids:
                seat.monitor.clear()
        if uids:
            self._timer.start()
        else:
            self._timer.stop()

    set_run = set_runs

    def set_beside(self, *uids: str) -> None:
        """Runs that are drawn beside the watched one, by monitors that compare."""
        beside = tuple(uid for uid in uids if uid not in self._cursor.runs)[:MOST_BESIDE]
        if beside != self._cursor.beside:
            self._readers_forgotten((*self._cursor.runs, *beside))
            self.set_cursor(replace(self._cursor, beside=beside))

    def set_cursor(self, cursor: Cursor) -> None:
        """Put every monitor somewhere; the person is waiting, so this goes first."""
        if cursor.follows_head:
            cursor = cursor.at(self._head.step)
        before, now = self._cursor, time.monotonic()
        if cursor == before:
            return
        drags = (cursor.runs, cursor.axis) == (before.runs, before.axis) and now - self._moved < DRAG_SECONDS
        self._cursor, self._moved = cursor, now
        self._age += 1
        self._must_glance = True
        for seat in self._seats.values():
            self._ask(seat, urgent=True, replaces=not drags)
        self.cursorMoved.emit(cursor)

    def set_step(self, step: int) -> None:
        """Leave the head and stand at a step."""
        self.set_cursor(replace(self._cursor, step=max(0, step), follows_head=False))

    def go_live(self) -> None:
        """Follow the head again."""
        self.set_cursor(replace(self._cursor, follows_head=True))

    def set_axis(self, axis: Axis) -> None:
        """Draw time by step, epoch, seconds or samples."""
        self.set_cursor(replace(self._cursor, axis=axis))

    def add(self, monitor: Monitor) -> None:
        """Keep a monitor at the cursor from now on."""
        if monitor in self._seats:
            return
        seat = self._seats[monitor] = Seat(monitor)
        self._turn.append(seat)
        if self._cursor.runs:
            monitor.set_awaited(awaited(self._head))
        monitor.settingsChanged.connect(self._settings_changed)
        monitor.cursorRequested.connect(self.set_step)
        monitor.trayRequested.connect(self._pick)

    def _pick(self, held: Held) -> None:
        """What a monitor says no run of is of the one it stands at."""
        self.mediaPicked.emit(replace(held, run=held.run or next(iter(self._cursor.runs), "")))

    def remove(self, monitor: Monitor) -> None:
        """Leave a monitor alone."""
        seat = self._seats.pop(monitor, None)
        if seat is not None:
            self._turn.remove(seat)
            monitor.settingsChanged.disconnect(self._settings_changed)
            monitor.cursorRequested.disconnect(self.set_step)
            monitor.trayRequested.disconnect(self._pick)

    def monitors(self) -> tuple[Monitor, ...]:
        """Every monitor that is kept."""
        return tuple(self._seats)

    def is_idle(self) -> bool:
        """Nothing to read and nothing to draw: every visible monitor shows the cursor, or there is no run to show."""
        if self._busy is not None or self._arrived:
            return False
        waits = any((seat.dirty or seat.answer) and seat.monitor.isVisible() for seat in self._turn)
        return not self._cursor.runs or not (self._must_glance or waits)

    def close(self) -> None:
        """Stop the timer and the thread; every reader is closed on its own thread."""
        if self._closed:
            return
        self._closed = True
        self._timer.stop()
        for monitor in list(self._seats):
            self.remove(monitor)
        self._thread.submit(self._close_readers, tuple(self._readers))
        self._thread.shutdown(wait=True)
        self._arrived.clear()

    # One tick

    def _tick(self) -> None:
        self._credit = min(self._credit + BUDGET_SECONDS, BUDGET_SECONDS)
        while self._arrived:
            self._arrived.popleft()()
        if self._credit > 0:
            self._draw_one()
        if self._busy is None and not self._closed:
            self._read_one()
            self._hurry(self._head.status not in ENDED or not self.is_idle())

    def _draw_one(self) -> None:
        seat = next((seat for seat in self._turn if seat.answer is not None), None)
        if seat is None or seat.answer is None:
            return
        generation, value, sentence = seat.answer
        seat.answer = None
        if generation != seat.generation:
            return  # another question has been asked since
        started = time.perf_counter()
        self._present(seat, value, sentence)
        seat.presented = time.monotonic()
        self._credit -= time.perf_counter() - started
        QTimer.singleShot(0, self, lambda: self._pay(started))

    def _pay(self, started: float) -> None:
        """Painting happens after the draw, before the loop is idle; it counts against the budget too."""
        self._credit = min(self._credit, BUDGET_SECONDS - (time.perf_counter() - started))

    def _present(self, seat: Seat, value: Any, sentence: str) -> None:
        if not sentence:
            try:
                seat.monitor.present(value)
                return
            except Exception as error:
                logger.exception("the %s monitor could not draw", seat.monitor.key)
                sentence = sentence_of(error)
        seat.monitor.show_message(tr("This plot failed: {reason}", reason=said(sentence)), failed=True)

    # Reading

    def _ask(self, seat: Seat, *, urgent: bool, replaces: bool = True) -> None:
        """The picture is due; ``replaces`` drops an answer that is still on its way."""
        seat.generation += replaces
        seat.dirty = True
        seat.urgent = seat.urgent or urgent
        self._hurry(True)

    def _hurry(self, hurry: bool) -> None:
        interval = TICK_MILLISECONDS if hurry else IDLE_MILLISECONDS
        if self._timer.interval() != interval:
            self._timer.setInterval(interval)

    def _settings_changed(self) -> None:
        sender = self.sender()
        if isinstance(sender, Monitor) and sender in self._seats:
            self._ask(self._seats[sender], urgent=True)

    def _read_one(self) -> None:
        if not self._cursor.runs:
            return
        now = time.monotonic()
        every = ENDED_POLL_SECONDS if self._head.status in ENDED else LIVE_POLL_SECONDS
        seat = self._next_seat(now) if self._has_just_glanced else None  # a drag asks for both without end: in turn
        if seat is None and (self._must_glance or now - self._glanced >= every):
            self._glanced, self._must_glance, self._has_just_glanced = now, False, True
            wants_marks = now - self._marked >= MARK_POLL_SECONDS
            self._submit(self._glance_job(self._age, self._cursor, wants_marks))
            return
        if (seat := seat or self._next_seat(now)) is not None:
            self._has_just_glanced = False
            seat.dirty = seat.urgent = False
            self._submit(self._read_job(seat, seat.generation, seat.monitor.settings(), self._cursor))

    def _next_seat(self, now: float) -> Seat | None:
        """The next one whose turn it is; hidden monitors wait until they are seen."""
        if not self._has_glanced:  # the head says where live is
            return None
        for place, seat in enumerate(self._turn):
            rested = seat.urgent or now - seat.presented >= seat.monitor.milliseconds_between / 1000
            if seat.dirty and seat.answer is None and rested and seat.monitor.isVisible():
                self._turn.rotate(-place - 1)
                return seat
        return None

    def _submit(self, job: Callable[[], None]) -> None:
        self._busy = self._thread.submit(job)

    def _landed(self, act: Callable[[], None]) -> None:
        """Called on the reader thread: hand the rest to the next tick."""

        def land() -> None:
            self._busy = None
            act()

        self._arrived.append(land)

    def _reader(self, uid: str) -> RunReader:
        if uid not in self._readers:
            self._readers[uid] = self._factory(uid)
        return self._readers[uid]

    def _read_job(self, seat: Seat, generation: int, settings: Any, cursor: Cursor) -> Callable[[], None]:
        uids = (*cursor.runs, *cursor.beside) if seat.monitor.compares else cursor.runs

        def job() -> None:
            value, sentence = None, ""
            try:
                value = seat.monitor.read(settings, [self._reader(uid) for uid in uids], cursor)
            except Exception as error:
                if not isinstance(error, Refused):
                    logger.exception("the %s monitor could not read", seat.monitor.key)
                sentence = sentence_of(error)
            self._landed(lambda: self._answered(seat, generation, cursor, value, sentence))

        return job

    def _answered(self, seat: Seat, generation: int, cursor: Cursor, value: Any, sentence: str) -> None:
        if seat.monitor not in self._seats or cursor.runs != self._cursor.runs:
            return
        if generation == seat.generation:
            seat.answer = (generation, value, sentence)

    def _glance_job(self, age: int, cursor: Cursor, wants_marks: bool) -> Callable[[], None]:
        known = self._marks_revision

        def job() -> None:
            try:
                reader = self._reader(cursor.runs[0])
                head = reader.head()
                changed = wants_marks and (head.revision != known or known == 0)
                glance = Glance(
                    head=head,
                    marks=tuple(reader.marks()) if changed else None,
                    place=reader.place(head.step if cursor.follows_head else cursor.step, cursor.axis),
                )
            except Exception as error:
                sentence = sentence_of(error)
                self._landed(lambda: self._glance_failed(sentence))
                return
            self._landed(lambda: self._glanced_at(age, cursor, glance))

        return job

    def _glance_failed(self, sentence: str) -> None:
        self._glanced = time.monotonic()
        if sentence != self._last_failure:  # said once, not ten times a second
            self._last_failure = sentence
            self.failed.emit(sentence)

    def _glanced_at(self, age: int, cursor: Cursor, glance: Glance) -> None:
        if cursor.runs != self._cursor.runs:
            return
        self._last_failure = ""
        if not self._has_glanced:
            self._has_glanced = True
            self._tell_what_is_awaited(glance.head)
        if glance.marks is not None:
            self._marked, self._marks_revision = time.monotonic(), glance.head.revision
            if glance.marks != self._marks:
                self._marks = glance.marks
                self.marksChanged.emit(glance.marks)
        if glance.head != self._head:
            self._head = glance.head
            self.headMoved.emit(glance.head)
            self._tell_what_is_awaited()
            if self._cursor.follows_head:
                self._follow(glance.head)
        if age == self._age or self._cursor.follows_head:
            self.placed.emit(glance.place)

    def _tell_what_is_awaited(self, head: Head | None = None) -> None:
        sentence = awaited(head or self._head)
        for seat in self._seats.values():
            seat.monitor.set_awaited(sentence)

    def _follow(self, head: Head) -> None:
        """Live: the cursor goes with the head; every picture is due again when its turn comes."""
        moved = self._cursor.step != head.step
        self._cursor = self._cursor.at(head.step)
        for seat in self._seats.values():
            self._ask(seat, urgent=False, replaces=False)
        if moved:
            self.cursorMoved.emit(self._cursor)

    def _readers_forgotten(self, keep: Sequence[str]) -> None:
        if not self._closed:
            known = (*self._cursor.runs, *self._cursor.beside)
            self._thread.submit(self._close_readers, tuple(uid for uid in known if uid not in keep))

    def _close_readers(self, uids: tuple[str, ...]) -> None:
        for uid in uids:
            reader = self._readers.pop(uid, None)
            close = getattr(reader, "close", None)
            if close is not None:
                try:
                    close()
                except Exception:
                    logger.exception("a reader could not be closed")


def sentence_of(error: Exception) -> str:
    """What went wrong, for a person."""
    return refusal(error) if isinstance(error, Refused) else str(error) or type(error).__name__
