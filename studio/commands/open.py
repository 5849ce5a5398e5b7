"""Open the window, with an experiment or an example (the default)."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from core.problems import refuse
from studio.open.stores import add_store_flags


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", help="an experiment's file, or an example's name")
    add_store_flags(parser)
    parser.add_argument(
        "--socket", action="store_true", help="let scripts of yours drive the window (python -m studio drive)"
    )


def run(flags: argparse.Namespace) -> int:
    """Stay until the window is closed."""
    headless = sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if headless and os.environ.get("QT_QPA_PLATFORM") != "offscreen":
        raise refuse("There is no display, so the window cannot open.", hint="Train without it: python -m studio run")
    gc.disable()  # nothing that is made while starting is garbage; the window collects at quiet moments
    from studio.app import run_window  # Qt, after it is clear that it can be used

    where, store, files = (getattr(flags, name, None) for name in ("file", "store", "files"))
    return run_window(where, store, files, driven=getattr(flags, "socket", False))
