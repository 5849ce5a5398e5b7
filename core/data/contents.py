"""What is in files, as hashes: kept for the next time, so that only a file that looks changed is read again.

A file looks the same where path, length, both times (to the nanosecond) and number are. One that was written a moment ago is
not kept: it may still change within the clock's tick (as in git's index, "racy git").
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_dir

MOST_KEPT = 4_000_000  # files; some 80 bytes each
RECENT_SECONDS = 2.0
SECONDS_BETWEEN_NEWS = 0.2
GONE = "gone"  # instead of a hash, for a file that cannot be read
Progress = Callable[[int, int], None]  # done, of


class Cancelled(Exception):
    """Nobody wants to know any more."""


def cache_file() -> Path:
    """Where hashes are kept for the next time."""
    return Path(user_cache_dir("crossmodal-studio")) / "contents.sqlite"


def content_hashes(
    files: Sequence[Path], *, progress: Progress | None = None, is_cancelled: Callable[[], bool] = lambda: False
) -> dict[Path, str]:
    """The hash of every file's bytes. Raises Cancelled; what was read until then is kept."""
    found: dict[Path, str] = {}
    told = time.monotonic()
    with _cache() as cache:
        for done, file in enumerate(dict.fromkeys(files)):
            if is_cancelled():
                raise Cancelled
            if progress is not None and time.monotonic() - told > SECONDS_BETWEEN_NEWS:
                told = time.monotonic()
                progress(done, len(files))
            found[file] = _hash(file, cache)
    return found


class _Cache:
    """Hashes by what a file looks like; one that cannot be opened or written is no reason to stop."""

    def __init__(self, database: sqlite3.Connection | None) -> None:
        self._database = database

    def get(self, stamp: bytes) -> str:
        if self._database is not None:
            with suppress(sqlite3.Error):
                row = self._database.execute("SELECT hash FROM content WHERE stamp = ?", (stamp,)).fetchone()
                return str(row[0]) if row else ""
        return ""

    def put(self, stamp: bytes, found: str) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.execute("INSERT OR REPLACE INTO content VALUES (?, ?)", (stamp, found))


@contextmanager
def _cache() -> Iterator[_Cache]:
    database = None
    with suppress(sqlite3.Error, OSError):
        cache_file().parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(cache_file(), timeout=2, isolation_level=None)
    if database is None:
        yield _Cache(None)
        return
    with closing(database):
        with suppress(sqlite3.Error):
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE IF NOT EXISTS content (stamp BLOB PRIMARY KEY, hash TEXT) WITHOUT ROWID")
            if database.execute("SELECT count(*) FROM content").fetchone()[0] > MOST_KEPT:
                database.execute("DELETE FROM content")
        yield _Cache(database)


def _hash(file: Path, cache: _Cache) -> str:
    try:
        facts = file.stat()
        stamp = _stamp(file, facts)
        if known := cache.get(stamp):
            return known
        with file.open("rb") as bytes_of:
            found = hashlib.file_digest(bytes_of, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        if time.time() - max(facts.st_mtime, facts.st_ctime) > RECENT_SECONDS and _stamp(file, file.stat()) == stamp:
            cache.put(stamp, found)
        return found
    except OSError:
        return GONE


def _stamp(file: Path, facts: os.stat_result) -> bytes:
    seen = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)
    return hashlib.blake2b(os.fsencode(file.absolute()) + repr(seen).encode(), digest_size=16).digest()


def unread_bytes(files: Sequence[Path]) -> int:
    """How much :func:`content_hashes` would have to read."""
    total = 0
    with _cache() as cache:
        for file in dict.fromkeys(files):
            with suppress(OSError):
                facts = file.stat()
                total += 0 if cache.get(_stamp(file, facts)) else facts.st_size
    return total
