"""The peak of this process's memory since a moment: Linux keeps it and can be asked to begin anew; elsewhere it is the whole life's."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

import psutil

MEBIBYTE = 1 << 20
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def begin_peak() -> None:
    """From here on :func:`peak_mebibytes` counts, where the system can begin anew."""
    with suppress(OSError):  # no Linux, or not allowed
        _CLEAR.write_text("5", encoding="ascii")


def held_mebibytes() -> float:
    """What the process holds now (resident)."""
    return float(psutil.Process().memory_info().rss / MEBIBYTE)


def peak_mebibytes() -> float:
    """The most it held since :func:`begin_peak`, or since its start."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
        if found is not None:
            return int(found[1]) / 1024
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset / MEBIBYTE)
    import resource  # not on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / MEBIBYTE if sys.platform == "darwin" else most / 1024
