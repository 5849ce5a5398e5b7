"""One of the processes that share a run: ``python -m core.runs.together STORE UID WORD MEETING``, started by core.runs.launcher.

The first records; the others follow. ``MEETING`` is a folder of this run's processes: ``failed`` says why one of them
ended, ``ended`` that the run has, so that none begins it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from core.graph.file import loads
from core.problems import Refused
from core.runs.execute import Lost, execute, follow
from core.runs.worker import WARNINGS
from core.store.claims import take
from core.store.database import Store
from core.store.library import Library
from core.training.control import Control
from core.training.processes import is_lost, met

BEGIN_AGAIN = 3  # the exit code that asks the launcher to start all processes anew
SECONDS_BETWEEN_LOOKS = 0.5


class Meeting:
    """The folder in which the processes of a run leave word for one another."""

    def __init__(self, folder: Path) -> None:
        self._ended, self._failed = folder / "ended", folder / "failed"

    def has_ended(self) -> bool:
        """Whether the first process has written the end of the run."""
        return self._ended.exists()

    def end(self) -> None:
        """The run's end is in the record."""
        self._ended.touch()

    def fail(self, reason: str) -> None:
        """Why a process other than the first cannot go on."""
        part = self._failed.with_suffix(f".{os.getpid()}")
        part.write_text(reason, encoding="utf-8")
        part.replace(self._failed)

    def why(self) -> str:
        """Why another process failed; empty where none has said so."""
        return self._failed.read_text(encoding="utf-8") if self._failed.exists() else ""


def main(arguments: list[str]) -> int:
    """This process's part. 0 where nothing is left to do, :data:`BEGIN_AGAIN` where another process was lost."""
    faulthandler.enable()
    for number in WARNINGS:  # who started these processes hands it on
        signal.signal(number, signal.SIG_IGN)
    flags = _flags(arguments)
    meeting, control = Meeting(Path(flags.meeting)), Control()
    if meeting.has_ended() or meeting.why():
        return 0
    _end_with_the_launcher(control)
    try:
        return _take_part(flags, meeting, control)
    except Refused as refused:
        meeting.fail(str(refused))
        return BEGIN_AGAIN


def _take_part(flags: argparse.Namespace, meeting: Meeting, control: Control) -> int:
    with Store.open(flags.store, files=flags.files) as store:
        recipe = loads(Library(store).document_text(flags.uid)).recipe
        with met(recipe.device, recipe.processes) as share:
            return _lead(store, flags, meeting, control) if share.rank == 0 else _follow(meeting, share.rank)


def _lead(store: Store, flags: argparse.Namespace, meeting: Meeting, control: Control) -> int:
    try:
        claim = take(store, flags.uid, flags.word)
        execute(store, flags.uid, control, claim, data_changed=flags.data_changed, lost=meeting.why)
    except Lost:
        return BEGIN_AGAIN
    meeting.end()
    return 0


def _follow(meeting: Meeting, rank: int) -> int:
    try:
        follow()
    except Exception as error:
        if is_lost(error):  # the first has ended, or one was killed
            return 0 if meeting.has_ended() else BEGIN_AGAIN
        traceback.print_exc()
        meeting.fail(f"Process {rank}: {error if isinstance(error, Refused) else f'{type(error).__name__}: {error}'}")
        return BEGIN_AGAIN
    return 0


def _end_with_the_launcher(control: Control) -> None:
    """Where nobody would start this process anew, the run is stopped with a checkpoint."""
    parent = os.getppid()

    def watch() -> None:
        while not threading.Event().wait(SECONDS_BETWEEN_LOOKS):
            if os.getppid() != parent:
                control.stop()
                return

    threading.Thread(target=watch, name="crossmodal-launcher", daemon=True).start()


def _flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.runs.together")
    for name in ("store", "uid", "word", "meeting"):
        parser.add_argument(name)
    parser.add_argument("--data-changed", action="store_true")
    parser.add_argument("--files")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
