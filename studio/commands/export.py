"""Write a document as a readable PyTorch script that trains the same model."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.runs.vocabulary import full_vocabulary
from studio.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.script import write_script


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", default=DEFAULT_EXAMPLE, help="a document, or an example's name")
    parser.add_argument("-o", "--output", default="experiment.py", help="where to write it")
    parser.add_argument("--set", action="append", default=[], metavar="NODE.KNOB=VALUE")


def run(flags: argparse.Namespace) -> int:
    """Write it and say where."""
    document = turned(find_document(flags.file), flags.set, full_vocabulary())
    print(f"Written to {write_script(document, Path(flags.output))}.")
    return 0
