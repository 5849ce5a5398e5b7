"""What a failing disk says through every library that writes to it, as one kind, and as one sentence.

SQLite, SQLAlchemy, the system, safetensors and torch each have an exception of their own for a full disk; torch's says
nothing of it ("inline_container ... unexpected pos").
"""

from __future__ import annotations

import sqlite3
import struct
import zlib

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError,
)

FULL = ("disk is full", "No space left", "os error 28", "Disk quota exceeded", "os error 122", "File too large")
WRITERS = ("inline_container", "PytorchStreamWriter", "unexpected pos")  # torch, when a write fell short
EVENTS = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.NotSupportedError,
    IntegrityError, DataError, ProgrammingError, NotSupportedError,
)  # fmt: skip


def is_storage_fault(error: BaseException) -> bool:
    """Whether the disk, the file, its lock or the server failed, and not what was to be written."""
    if str(getattr(getattr(error, "orig", None), "sqlstate", None)).startswith(
        "54"
    ):  # longer than PostgreSQL's indexes take
        return False
    if isinstance(error, DBAPIError | sqlite3.Error):
        return not isinstance(error, EVENTS)
    if isinstance(error, OSError | TimeoutError):
        return True
    if type(error).__name__ == "SafetensorError":  # not imported: torch stays out of the store
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in (*WRITERS, *FULL))


def cause_of(error: BaseException) -> str:
    """Why it failed, as the end of a sentence."""
    cause = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip().rstrip(".")
    cause = cause.splitlines()[0] if cause else type(error).__name__
    if any(word in str(error) or word in cause for word in FULL) or "database or disk is full" in str(error):
        return "the disk is full"
    if any(word in cause for word in WRITERS):
        return "the disk is full or was taken away"
    return "another process is writing" if "locked" in cause or "busy" in cause else cause


STORE_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)  # what a store that cannot be used may raise
UNREADABLE = (  # what a damaged store may raise, in its engine or when its rows are taken apart
    *STORE_ERRORS, ValueError, KeyError, IndexError, TypeError, OverflowError, zlib.error, struct.error,
)  # fmt: skip
