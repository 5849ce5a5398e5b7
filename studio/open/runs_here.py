"""Runs that this window began: in threads of its own, which end with it, and in processes, which do not."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.graph import file
from core.problems import Problem, Refused
from core.runs.launch import place_of
from studio.open.kept_runs import KeptRuns

if TYPE_CHECKING:
    from core.runs.worker import RunThread


class RunsHere:
    """Belongs to the session; ``told`` hears what a run's recorder says, on its thread."""

    def __init__(self, kept: KeptRuns, told: Callable[[Problem], None]) -> None:
        self._kept, self._told = kept, told
        self._threads: dict[str, RunThread] = {}
        self._children: dict[str, subprocess.Popen[Any]] = {}

    def begin(self, uid: str, place: str) -> None:
        """A run of the store. Raises Refused where it cannot be begun."""
        from core.runs.worker import RunThread, start_process

        if place_of(self._kept.library, uid, place) == "process":
            self._children[uid] = start_process(self._kept.store, uid)
        else:
            thread = RunThread(self._kept.store, uid, told=self._told)
            thread.start()
            self._threads[uid] = thread

    def running(self) -> list[str]:
        """Those that would end with this window."""
        return [uid for uid, thread in self._threads.items() if thread.is_alive()]

    def children_have_ended(self) -> bool:
        """Whether no run that was started in a process of its own from here is left."""
        return all(child.poll() is not None for child in self._children.values())

    def keep_checkpoints(self) -> bool:
        """Whether every one that would end with this window can be continued after a stop."""
        texts = [self._kept.library.document_text(uid) for uid in self.running()]
        return all("checkpointing" in file.loads(text).recipe.callbacks for text in texts)

    def stop(self) -> list[str]:
        """Ask them to save and stop; gives them."""
        uids = self.running()
        for uid in uids:
            with contextlib.suppress(Refused):
                self._kept.library.send_command(uid, "stop")
        return uids

    def hand_over(self, uids: list[str]) -> None:
        """Those that have just stopped go on in processes of their own, from the checkpoint saved then."""
        from core.runs.worker import start_process

        for uid in uids:
            if uid not in self.running() and self._kept.library.facts(uid).status == "stopped":
                with contextlib.suppress(Refused):  # somebody else was quicker
                    self._children[uid] = start_process(self._kept.store, uid)

    def wait(self, seconds: float) -> bool:
        """Until they have ended; False where that takes longer."""
        limit = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, limit - time.monotonic()))
        return not self.running()
