"""Put the studio into the desktop's menu, with its icon and the type of its files; --remove takes it out again."""

from __future__ import annotations

import argparse
import sys

from core.texts import harmless
from studio.desktop.entry import complaints, remove_entry, write_entry


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("--remove", action="store_true", help="take away what was written")


def run(flags: argparse.Namespace) -> int:
    """Say every file; 1 where the desktop's own checker is not content."""
    if flags.remove:
        gone = remove_entry()
        for path in gone:
            print(f"Removed {harmless(str(path))}")
        if not gone:
            print("Nothing was there.")
        return 0
    written = write_entry()
    for path in written:
        print(f"Written {harmless(str(path))}")
    wrong = "".join(complaints(path) for path in written if path.suffix == ".desktop")
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0
