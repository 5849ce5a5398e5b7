"""A measurement in a process of its own, from outside: begun, listened to, cancelled. No torch here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from core.graph.budget.measured import Measured
from core.graph.document import Document
from core.graph.file import dumps
from core.problems import Problem, Refused, refuse
from core.runs.budget.kept import keep

LONGEST_SECONDS = 240.0  # a measurement that takes longer is ended: a huge source, or a step of minutes


class Cancelled(Exception):
    """Asked for before it was done."""


class Measurement:
    """One child. :meth:`result` waits for it, on any thread; :meth:`cancel` may come from another."""

    def __init__(self, document: Document, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        """Begins it. Raises Refused where no process can be started."""
        from core.runs.worker import ROOT, SCRUBBED  # SQLAlchemy, which the window's first picture does not wait for
        from core.store.faults import cause_of

        environment = {key: value for key, value in os.environ.items() if key not in SCRUBBED}
        environment["PYTHONPATH"] = str(ROOT)
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.runs.budget"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=environment, start_new_session=True, text=True, encoding="utf-8",
            )  # fmt: skip
        except OSError as error:
            raise refuse(f"The process could not be started: {cause_of(error)}.") from error
        self._text, self._longest = dumps(document), longest_seconds
        self._is_cancelled = self._is_late = False

    def cancel(self) -> None:
        """End it now."""
        self._is_cancelled = True
        self._kill()

    def result(self, told: Callable[[str], None] = lambda _: None) -> Measured:
        """What it measured, which is then kept for runs to come; ``told`` hears what it is about. Raises Refused, Cancelled."""
        timer = threading.Timer(self._longest, self._end_late)
        timer.start()
        errors: list[str] = []
        reading = threading.Thread(target=lambda: errors.append(_pipe(self._child.stderr).read()), daemon=True)
        reading.start()
        try:
            with suppress(BrokenPipeError):
                _pipe(self._child.stdin).write(self._text)
                _pipe(self._child.stdin).close()
            last: dict[str, Any] = {}
            for line in _pipe(self._child.stdout):
                with suppress(ValueError):
                    last = json.loads(line)
                if "phase" in last:
                    told(str(last["phase"]))
            self._child.wait()
            reading.join()
        finally:
            timer.cancel()
            self._kill()
            self._child.wait()
            for pipe in (self._child.stdout, self._child.stderr):
                _pipe(pipe).close()
        return self._read(last, errors[0] if errors else "")

    def _read(self, last: dict[str, Any], errors: str) -> Measured:
        if self._is_cancelled:
            raise Cancelled
        if self._is_late:
            raise refuse(f"It was not measured within {self._longest:.0f} seconds.", hint="Choose a smaller batch, or train it and look.")  # fmt: skip
        if "measured" in last:
            found = Measured.from_json(last["measured"])
            keep(found)
            return found
        if "problems" in last:
            raise Refused(*(Problem(**problem) for problem in last["problems"]))
        said = (errors.strip().splitlines() or ["nothing"])[-1][:200]
        killed = self._child.returncode == -signal.SIGKILL if os.name != "nt" else False
        raise refuse(
            "The measuring process was killed: most likely memory ran out."
            if killed
            else f"The measuring process ended with {self._child.returncode} and said: {said}.",
            hint="Choose a smaller batch." if killed else "",
        )

    def _end_late(self) -> None:
        self._is_late = True
        self._kill()

    def _kill(self) -> None:
        """With its loader workers."""
        if self._child.poll() is not None:
            return
        with suppress(OSError):
            if os.name == "nt":
                self._child.kill()
            else:
                os.killpg(self._child.pid, signal.SIGKILL)


def _pipe(pipe: Any) -> Any:
    assert pipe is not None
    return pipe


def measured(document: Document, told: Callable[[str], None] = lambda _: None) -> Measured:
    """Measure and wait. Raises Refused."""
    return Measurement(document).result(told)
