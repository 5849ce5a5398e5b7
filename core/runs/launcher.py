"""A run in several processes of this machine, started and watched over by torch's elastic launcher (as ``torchrun`` is).

When one is killed all are started anew and go on from the last checkpoint. This process owns the run in the store all the
while; the first of the others records it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from core.runs.together import Meeting
from core.runs.worker import ROOT, ask, files_flags
from core.store.claims import Claim
from core.store.database import Store
from core.store.library import Library
from core.store.liveness import IN_THE_NAME_OF
from core.telemetry.events import ENDED, At, LogLine, Mark, StatusChange
from core.training.launching import NotFinished, launched

MOST_RESTARTS = 5
SECONDS_BETWEEN_LOOKS = 0.2


def launch(
    store: Store, claim: Claim, processes: int, is_asked_to_stop: Callable[[], bool], *, data_changed: bool = False
) -> str:
    """Train a run in so many processes until it has ended; gives its status. A stop is handed on through the store."""
    with tempfile.TemporaryDirectory(prefix="crossmodal-meeting-") as folder:
        meeting = Meeting(Path(folder))
        words = [
            store.url,
            claim.uid,
            claim.word,
            folder,
            *(["--data-changed"] if data_changed else []),
            *files_flags(store),
        ]
        watched = threading.Thread(target=_watch, args=(claim.uid, processes, words, meeting), name="torchrun")
        watched.start()
        asked = False
        while watched.is_alive():
            watched.join(SECONDS_BETWEEN_LOOKS)
            if is_asked_to_stop() and not asked:
                asked = True
                ask(store, claim.uid, "stop")
        if not meeting.has_ended():
            _say_failed(
                store, claim.uid, meeting.why() or f"The {processes} processes were lost {MOST_RESTARTS + 1} times."
            )
    claim.release()
    return Library(store).facts(claim.uid).status


def _watch(uid: str, processes: int, words: list[str], meeting: Meeting) -> None:
    """Until all processes have ended."""
    os.environ.update({"PYTHONPATH": str(ROOT), IN_THE_NAME_OF: str(os.getpid())})
    command = [sys.executable, "-P", "-m", "core.runs.together", *words]
    try:
        launched(command, name=uid, processes=processes, restarts=MOST_RESTARTS)
    except NotFinished as error:
        print(error, file=sys.stderr)
    except Exception as error:  # the launcher itself could not go on
        meeting.fail(f"{type(error).__name__}: {error}")


def _say_failed(store: Store, uid: str, reason: str) -> None:
    """The end of a run whose first process can no longer say it."""
    library = Library(store)
    facts = library.facts(uid)
    if facts.status in ENDED:
        return
    recorder = library.recorder(uid)
    at = At(step=facts.step, seconds=facts.seconds)
    recorder.say(LogLine(at=at, text=reason, level="error"))
    recorder.say(Mark(at=at, kind="warning", text=reason.splitlines()[0][:300]))
    recorder.say(StatusChange(at=at, status="failed", reason=reason))
    recorder.close()
