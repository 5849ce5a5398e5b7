"""Write the beginning of a block of your own, with its tests: a file that works as it comes, to be changed."""

from __future__ import annotations

import argparse

from core.own.settings import read_settings, write_settings
from core.own.template import new_block


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("name", help="small letters, digits and underscores; the block is called own.NAME")


def run(flags: argparse.Namespace) -> int:
    """Write both files and say what comes next."""
    settings, file, tests = new_block(read_settings(), flags.name)
    write_settings(settings)
    print(f"Written to {file.path}, its tests to {tests}.")
    print(f"Run them: python -m studio blocks test {file.name}")
    again = f"After a change, look at the file and allow it again: python -m studio blocks allow {file.name}"
    print(again if settings.on else f"{again}\nOwn blocks are off; switch them on: python -m studio blocks on")
    return 0
