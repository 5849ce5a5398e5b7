"""Write runs as TensorBoard's event files: scalars, histograms, images, audio, settings as hyperparameters and text."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.problems import refuse
from core.store.library import Library
from studio.asking.records import beyond_words, write_tensorboard
from studio.open.stores import add_store_flags, open_store


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run's uid or name")
    parser.add_argument("folder", help="a folder of its own for it; tensorboard --logdir takes it or one above")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Write it and say what came of it."""
    with open_store(flags) as store:
        library = Library(store)
        folder = Path(flags.folder).expanduser()
        try:
            values, others, beyond = write_tensorboard(library, library.find(flags.run).uid, folder)
        except OSError as error:
            raise refuse(f"{folder} cannot be written: {error.strerror or error}.") from error
    print(f"Written to {folder}: {values:,} values, {others:,} histograms, images and audio clips by step.")
    if beyond:
        print(beyond_words(beyond))
    return 0
