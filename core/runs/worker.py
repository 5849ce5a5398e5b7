"""The thread that owns a run: it trains in this process, or watches over the same run in a child of its own.

A child outlives the window; both read and write the same store, so pictures cannot tell them apart.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.problems import Problem, Refused, refuse
from core.runs.loading import load_engine
from core.store.claims import Claim
from core.store.database import Store
from core.store.faults import cause_of
from core.store.library import Library

WARNINGS = tuple(
    getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)  # of a cluster, before
# a job's time limit (SLURM's --signal); sent to every process of the job
STOPS = (signal.SIGINT, signal.SIGTERM, *WARNINGS)  # a run saves a checkpoint and stops
SCRUBBED = ("PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD")
ROOT = Path(__file__).resolve().parents[2]
_children: list[subprocess.Popen[Any]] = []  # those that have not ended; whoever looks collects the others


class RunThread(threading.Thread):
    """Trains a run in this process. ``ended`` is called on this thread with the uid, ``told`` as of ``execute``."""

    def __init__(
        self, store: Store, uid: str, ended: Callable[[str], None] | None = None, *,
        told: Callable[[Problem], None] | None = None, data_changed: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name=f"crossmodal-run-{uid[-6:]}", daemon=True)
        self.store, self.uid, self._ended = store, uid, ended
        self.status: str = ""  # once it has ended
        self._told, self._data_changed = told, data_changed
        self._claim: Claim | None = None

    def start(self) -> None:
        """Claim the run and begin. Raises Refused, saying who owns it, where another does."""
        self._claim = Library(self.store).claim(self.uid)
        super().start()

    def run(self) -> None:
        """From queue to end."""
        lower_priority()
        assert self._claim is not None
        try:
            load_engine()
            from core.runs.execute import execute  # torch, which is there now

            self.status = execute(
                self.store, self.uid, claim=self._claim, told=self._told, data_changed=self._data_changed
            )
        except Exception as error:  # before the run had a record of its own: nobody else would say it
            self.status = "failed"
            self._claim.give_up(str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}")
        finally:
            self._claim.release()
            if self._ended is not None:
                self._ended(self.uid)


def lower_priority() -> None:
    """The window goes first: this thread takes what is left (Linux gives every thread a niceness of its own)."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        except OSError:
            return


def start_process(store: Store, uid: str, *, data_changed: bool = False) -> subprocess.Popen[Any]:
    """Train a run in a child that outlives this process; what it prints goes beside the store.

    The run is claimed here and handed to the child. Raises Refused, saying who owns it, where another does.
    """
    claim = Library(store).claim(uid)
    try:
        child = _spawn(store, uid, claim.word, *(["--data-changed"] if data_changed else []))
    except BaseException as error:
        claim.undo()
        if isinstance(error, OSError):
            raise refuse(f"The process could not be started: {cause_of(error)}.") from error
        raise
    with suppress(Refused):  # a store that is locked now: the child writes its own name when it takes the run
        claim.hand_to(child.pid)
    _children[:] = [*(other for other in _children if other.poll() is None), child]
    return child


def _spawn(store: Store, uid: str, *more: str) -> subprocess.Popen[Any]:
    environment = {key: value for key, value in os.environ.items() if key not in SCRUBBED} | dict(store.environment)
    environment["PYTHONPATH"] = str(ROOT)
    folder = store.files / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{uid}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "core.runs.process", store.url, uid, *more, *files_flags(store)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=folder,
        )  # fmt: skip


def files_flags(store: Store) -> list[str]:
    """A store by URL has a folder that must be named; the files of a file lie beside it."""
    return [] if store.is_file else ["--files", str(store.files)]


def ask(store: Store, uid: str, command: str, **arguments: Any) -> None:
    """Send a running run a command, wherever it runs."""
    Library(store).send_command(uid, command, arguments)
