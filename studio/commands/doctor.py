"""Say what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import argparse

from studio.telling.health import findings, window_opens


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("--window", action="store_true", help="only try whether the window can open; quick")


def run(flags: argparse.Namespace) -> int:
    """Print every finding; 1 where something needed is missing."""
    found = [window_opens()] if flags.window else findings()
    for finding in found:
        print(finding.line())
    return 1 if any(finding.mark == "missing" for finding in found) else 0
