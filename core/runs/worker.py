"""The thread that owns a run: it trains in this process, or watches over the same run in a child of its own.

A child outlives the window; both read and write the same store, so pictures cannot tell them apart.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.store.database import Store
from core.store.library import Library

SCRUBBED = ("PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD")
ROOT = Path(__file__).resolve().parents[2]
_children: list[subprocess.Popen[Any]] = []  # those that have not ended; whoever looks collects the others


class RunThread(threading.Thread):
    """Trains a queued run in this process. ``ended`` is called on this thread with the uid."""

    def __init__(self, store: Store, uid: str, ended: Callable[[str], None] | None = None) -> None:
        super().__init__(name=f"crossmodal-run-{uid[-6:]}", daemon=True)
        self.store, self.uid, self._ended = store, uid, ended

    def run(self) -> None:
        """From queue to end."""
        lower_priority()
        from core.runs.execute import execute  # torch is imported here, behind the window

        try:
            execute(self.store, self.uid)
        finally:
            if self._ended is not None:
                self._ended(self.uid)


def lower_priority() -> None:
    """The window goes first: this thread takes what is left (Linux gives every thread a niceness of its own)."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        except OSError:
            return


def start_process(store: Store, uid: str) -> subprocess.Popen[Any]:
    """Train a queued run in a child that outlives this process; what it prints goes beside the store."""
    environment = {key: value for key, value in os.environ.items() if key not in SCRUBBED}
    environment["PYTHONPATH"] = str(ROOT)
    folder = store.path.parent / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{uid}.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.runs.process", store.url, uid],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=folder,
        )  # fmt: skip
    _children[:] = [*(other for other in _children if other.poll() is None), child]
    return child


def ask(store: Store, uid: str, command: str, **arguments: Any) -> None:
    """Send a running run a command, wherever it runs."""
    Library(store).send_command(uid, command, arguments)
