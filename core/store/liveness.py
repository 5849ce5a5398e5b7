"""Whether the process that records a run still lives: its number, when it started (numbers come again), its machine."""

from __future__ import annotations

import os
import platform

import psutil

SECONDS_APART = 2.0  # clocks of the kernel and of the store differ by less
SECONDS_UNHEARD = 120.0  # a process of another machine is taken for gone after this


IN_THE_NAME_OF = "CROSSMODAL_IN_THE_NAME_OF"  # the process that started this one, and starts it anew when it dies


def this_process() -> tuple[int, float]:
    """Number and start of the process that calls, or that it works for; seconds since 1970."""
    return identity_of(int(os.environ.get(IN_THE_NAME_OF, os.getpid())))


def identity_of(number: int) -> tuple[int, float]:
    """Number and start of a process; 0.0 where it is gone already."""
    try:
        return number, float(psutil.Process(number).create_time())
    except psutil.Error:
        return number, 0.0


def this_host() -> str:
    """The machine's name."""
    return platform.node()


def is_alive(number: int, started: float, host: str = "", unheard: float = 0.0) -> bool:
    """Whether that very process runs. Of one on another machine only the seconds since its last sign of life are known."""
    if host and host != this_host():
        return unheard < SECONDS_UNHEARD
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
