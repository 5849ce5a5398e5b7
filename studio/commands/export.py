"""Write an experiment as a PyTorch script, a run as a program (--model), or a run's tower as a transformers folder (--tower)."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.problems import refuse
from core.runs.vocabulary import full_vocabulary
from core.store.library import Library
from studio.asking.script import write_model, write_script, write_tower
from studio.open.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.open.stores import add_store_flags, open_store


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument(
        "file", nargs="?", default=DEFAULT_EXAMPLE,
        help="an experiment's file, or an example's name; with --model or --tower a run",
    )  # fmt: skip
    parser.add_argument("-o", "--output", default="", help="where to write it")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.SETTING=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument("--model", action="store_true", help="a run's towers as one program: model.pt2, model.onnx")
    parser.add_argument("--tower", metavar="BLOCK", default="", help="one tower of a run as a transformers folder")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Write it and say where."""
    if flags.model or flags.tower:
        return _export_run(flags)
    document = turned(find_document(flags.file), flags.set, full_vocabulary())
    print(f"Written to {write_script(document, Path(flags.output or 'experiment.py'))}.")
    return 0


def _export_run(flags: argparse.Namespace) -> int:
    if flags.model and flags.tower:
        raise refuse("A model and a tower cannot be written at once.", hint="Give --model or --tower.")
    with open_store(flags) as store:
        library = Library(store)
        uid = library.find(flags.file).uid
        if flags.model:
            print(f"Written to {write_model(library, uid, Path(flags.output or 'model.pt2'))}.")
        else:
            output = Path(flags.output or flags.tower)
            print(f"Written to {output}; load it with {write_tower(library, uid, flags.tower, output)}.")
    return 0
