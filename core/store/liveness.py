"""Whether the process that records a run still lives: its number, when it started (numbers come again), its machine.

Machines, and containers, may have one name; process numbers of one say nothing in the other. So a machine is its name and a word of
its own: of systemd's machine number (else of the kernel's start), and of the space that its process numbers are of.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

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
    """The machine as rows keep it: its name and, behind a #, what tells it from others of that name."""
    return f"{platform.node()}#{machine_word()}"


def is_this_host(host: str) -> bool:
    """Whether a row is of this machine; rows of before have its name alone."""
    return host in (this_host(), platform.node())


def host_name(host: str) -> str:
    """What people call the machine."""
    return host.partition("#")[0]


@cache
def machine_word() -> str:
    """Eight letters that stay the same while the machine is not installed anew."""
    known = [text for text in (_read("/etc/machine-id"), _read("/proc/sys/kernel/random/boot_id")) if text][:1]
    if sys.platform == "linux":
        with suppress(OSError):
            known.append(os.readlink("/proc/self/ns/pid"))
    elif not uuid.getnode() & 1 << 40:  # that bit: made up, another one in every process
        known.append(f"{uuid.getnode():x}")
    return hashlib.blake2b("/".join(known).encode(), digest_size=4).hexdigest()


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8").strip()
    return ""


def is_alive(number: int, started: float, host: str = "", unheard: float = 0.0) -> bool:
    """Whether that very process runs. Of one on another machine only the seconds since its last sign of life are known."""
    if host and not is_this_host(host):
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
