"""Whether the process that records a run still lives: its number and when it started, because numbers come again."""

from __future__ import annotations

import os

import psutil

SECONDS_APART = 2.0  # clocks of the kernel and of the store differ by less


def this_process() -> tuple[int, float]:
    """Number and start of the process that calls, seconds since 1970."""
    number = os.getpid()
    return number, float(psutil.Process(number).create_time())


def is_alive(number: int, started: float) -> bool:
    """Whether that very process runs."""
    if number <= 0:
        return False
    try:
        process = psutil.Process(number)
        same = abs(process.create_time() - started) < SECONDS_APART
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
