"""A lock between processes on a file beside the store: held while writing, checkpointing the log and migrating.

SQLite before 3.51.3 can damage a file in WAL mode when one connection commits at the instant another resets the log;
whoever writes holds this lock, so the two never meet. Readers cannot reset it: they open the file read-only, and SQLite folds
the log at the last close only under its own exclusive lock. The system frees this one when a process dies.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SECONDS_BETWEEN_TRIES = 0.002


class Busy(OSError):
    """The lock was held by another process for the whole time."""


class FileLock:
    """``with lock:`` waits up to ``seconds``; not re-entrant, shared by the threads of one process."""

    def __init__(self, path: Path, seconds: float = 10.0) -> None:
        self.path = path
        self.seconds = seconds
        self._thread_lock = threading.Lock()
        self._handle = -1

    def __enter__(self) -> FileLock:
        end = time.monotonic() + self.seconds
        if not self._thread_lock.acquire(timeout=self.seconds):
            raise Busy(f"another thread writes to {self.path.stem}")
        try:
            while not self._taken():
                if time.monotonic() > end:
                    raise Busy(f"another process writes to {self.path.stem}")
                time.sleep(SECONDS_BETWEEN_TRIES)
        except BaseException:
            self._thread_lock.release()
            raise
        return self

    def _taken(self) -> bool:
        """Try once. A lock on a file that somebody has deleted keeps nobody out, so the file of that name now is taken."""
        if self._handle < 0:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _take(self._handle):
            return False
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._handle), os.stat(self.path)):
                return True
        os.close(self._handle)  # which also lets go of it
        self._handle = -1
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _give(self._handle)
        self._thread_lock.release()

    def close(self) -> None:
        """Let go of the file."""
        with self._thread_lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
