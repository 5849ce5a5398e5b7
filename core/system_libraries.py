"""Libraries of the system that Qt's window needs: which are missing, and the one line that installs them.

The list is ``resources/system_libraries.txt``, which the set-up script reads too. Nothing of Qt is imported here.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources


def libraries() -> Mapping[str, tuple[str, ...]]:
    """Each library with the Debian packages that may bring it, the newest name first."""
    text = resources.files("resources").joinpath("system_libraries.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {library: tuple(packages) for library, *packages in rows}


def missing_libraries() -> list[str]:
    """Those that cannot be loaded; none on systems other than Linux."""
    return [library for library in libraries() if not _loads(library)] if sys.platform == "linux" else []


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def packages_for(missing: list[str]) -> list[str]:
    """A Debian package for each; the name that this system's apt knows, where it can be asked."""
    return [next((name for name in libraries()[one] if _apt_knows(name)), libraries()[one][-1]) for one in missing]


def _apt_knows(name: str) -> bool:
    if shutil.which("apt-cache") is None:
        return False
    return subprocess.run(["apt-cache", "show", name], capture_output=True, check=False).returncode == 0


def install_line(missing: list[str]) -> str:
    """The command that installs them."""
    words = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo"]
    return " ".join([*words, "apt-get", "install", *packages_for(missing)])


def why_no_window(error: ImportError | None = None) -> str:
    """A sentence where the window cannot open for want of system libraries; empty where they are all here."""
    missing = missing_libraries()
    if missing:
        return (
            f"The window needs system libraries that are not here: {', '.join(missing)}.\n    {install_line(missing)}"
        )
    return f"Qt cannot be loaded: {error}." if error is not None and ".so" in str(error) else ""
