"""Importing runs of other programs: looked at and brought in on a thread of its own, behind the window, with a way to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.problems import Refused
from core.records.keeping import Imported, bring, known_places
from core.records.looking import Found, Progress, look
from core.records.reader import Stopped
from studio.session import Session
from studio.telling.sentences import refusal, spoken
from widgets.look.language import tr
from widgets.records_sheet import RecordRow, RecordsSheet

SECONDS_BETWEEN_PICTURES = 0.05
Work = Callable[[Callable[[Progress], None], Callable[[], bool]], Any]


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """A look, and which of its runs are in the library."""

    found: Found
    known: frozenset[int]


class Importing(QObject):
    """One sheet, one reading at a time. What is brought in stays where somebody stops: runs are whole or not there."""

    _told = Signal(object, object)  # the reading's number, Progress
    _ended = Signal(object, object, str)  # the reading's number, what came of it, why not

    def __init__(self, session: Session, window: QWidget, show_runs: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__(window)
        self._session, self._window, self._show_runs = session, window, show_runs
        self.sheet: RecordsSheet | None = None
        self._found: Found | None = None
        self._turn = 0
        self._words = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told.connect(self._show_progress)
        self._ended.connect(self._end)

    def open(self, path: Path | None = None) -> None:
        """The sheet; with a path it looks there at once."""
        if self.sheet is None:
            self.sheet = sheet = RecordsSheet(self._window)
            sheet.destroyed.connect(self._closed)
            sheet.lookRequested.connect(lambda place: self.look(Path(place)))
            sheet.importRequested.connect(self.bring)
            sheet.cancelRequested.connect(self.stop)
        self.sheet.show()
        self.sheet.raise_()
        if path is not None:
            self.look(path)

    def look(self, path: Path) -> None:
        """Say what is there."""
        if self._is_busy or self.sheet is None:
            return
        self._found = None
        self.sheet.show_place(str(path))
        store = self._session.store

        def work(told: Callable[[Progress], None], stops: Callable[[], bool]) -> _Looked:
            found = look(path, told, stops)
            return _Looked(found=found, known=known_places(store, found))

        self._begin(tr("Looking…"), work)

    def bring(self, numbers: tuple[int, ...]) -> None:
        """Import these of the runs that were found."""
        if self._is_busy or self._found is None:
            return
        places, root = [self._found.runs[number].place for number in numbers], self._found.folder
        store = self._session.store
        self._begin(tr("Importing…"), lambda told, stops: bring(store, places, root, told, stops))

    def stop(self) -> None:
        """Nobody wants it any more."""
        self._stop.set()

    def close(self) -> None:
        """The window goes: what is read stops at the next piece."""
        self._turn += 1
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self.sheet is not None:
            self.sheet.close()

    def afoot(self) -> str:
        """What would end with the window; empty where nothing would."""
        return self._words if self._is_busy else ""

    @property
    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _begin(self, words: str, work: Work) -> None:
        self._turn += 1
        self._stop = threading.Event()
        self._words = words
        if self.sheet is not None:
            self.sheet.show_busy(words, 0.0)
        self._thread = threading.Thread(
            target=self._work, args=(self._turn, work, self._stop), name="crossmodal-importing", daemon=True
        )
        self._thread.start()

    def _work(self, turn: int, work: Work, stop: threading.Event) -> None:
        value, why, shown = None, "", [0.0]

        def told(progress: Progress) -> None:
            now = time.monotonic()
            if now - shown[0] >= SECONDS_BETWEEN_PICTURES:
                shown[0] = now
                self._told.emit(turn, progress)

        try:
            value = work(told, stop.is_set)
        except Stopped:
            why = ""
        except Refused as refused:
            why = refusal(refused)
        except Exception as error:  # said in the window, which goes on
            why = tr("The studio itself failed at this: {reason}", reason=f"{type(error).__name__}: {error}")
        self._ended.emit(turn, value, why)

    def _show_progress(self, turn: int, progress: Progress) -> None:
        if turn == self._turn and self.sheet is not None and self._is_busy:
            self.sheet.show_busy(f"{self._words} {progress.run}", progress.done / max(1, progress.of))

    def _end(self, turn: int, value: Any, why: str) -> None:
        if turn != self._turn:
            return
        if self._thread is not None:
            self._thread.join()
        if isinstance(value, _Looked):
            self._show_found(value)
        elif isinstance(value, Imported):
            self._show_imported(value)
        else:
            self._show_nothing(why)

    def _show_found(self, looked: _Looked) -> None:
        if self.sheet is None:
            return
        self._found = found = looked.found
        rows = [
            RecordRow(
                name=each.name, kind=each.title, group=each.group, values=each.figures, figures=each.series,
                others=each.others, settings=each.settings, remarks=each.remarks, known=number in looked.known,
            )
            for number, each in enumerate(found.runs)
        ]  # fmt: skip
        self.sheet.show_rows(rows, [problem.sentence() for problem in found.problems])
        values = sum(each.figures for each in found.runs)
        nothing = tr("No runs of TensorBoard, MLflow, W&B, trackio or Lightning were found there.")
        self.sheet.show_idle(
            tr("{n} runs with {values} values.", n=len(rows), values=f"{values:,}") if rows else nothing
        )

    def _show_imported(self, came: Imported) -> None:
        words = imported_words(came)
        self._session.say(words, "warning" if came.problems else "hint")
        self._session.refresh_runs()
        self._show_runs(tuple(each.uid for each in came.kept))
        if self.sheet is not None:
            self.sheet.show_idle(words)
            self.sheet.close()

    def _show_nothing(self, why: str) -> None:
        stopped = tr("Stopped. Runs that were imported whole stay.")
        self._session.refresh_runs()
        if self.sheet is not None:
            self.sheet.show_idle(why or stopped)
        elif why or self._words == tr("Importing…"):  # whoever closed the sheet stopped it
            self._session.say(why or stopped, "error" if why else "hint")

    def _closed(self) -> None:
        self.sheet = None


def imported_words(came: Imported) -> str:
    """What came of it, in a line, and what could not be read any more."""
    counts = {what: came.count(what) for what in ("new", "added", "anew", "known")}
    words = {
        "new": tr("{n} runs were imported.", n=counts["new"]),
        "added": tr("{n} went on and got their new values.", n=counts["added"]),
        "anew": tr("{n} had changed and were written anew.", n=counts["anew"]),
        "known": tr("{n} were there already.", n=counts["known"]),
    }
    parts = [words[what] for what in words if counts[what]]
    return " ".join([*(parts or [tr("Nothing was imported.")]), *map(spoken, came.problems)])
