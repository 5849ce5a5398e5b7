"""Make images with a trained run, from a sentence and a seed, or on the way from one to another."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.store.library import Library
from studio.asking.making import write_images
from studio.open.stores import add_store_flags, open_store
from studio.telling.flags import number


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run: its id, its name, or the beginning of either")
    parser.add_argument("--sentence", default=None, help="what the images should show")
    parser.add_argument("--count", type=int, default=8, help="how many images (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first; the others have the numbers after it")
    parser.add_argument("--step", type=int, default=-1, help="of which checkpoint (default: the last)")
    parser.add_argument("--guidance", type=number, default=None, help="1 as learned, more is closer to the sentence")
    parser.add_argument("--steps", type=int, default=None, help="steps from noise to an image")
    parser.add_argument("--to", metavar="SENTENCE", default=None, help="walk from the sentence to this one")
    parser.add_argument("--to-seed", metavar="SEED", type=int, default=None, help="walk from the seed to this one")
    parser.add_argument("-o", "--output", default="images", help="the folder for PNG files (default: images)")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Make them, write them, say where."""
    with open_store(flags) as store:
        library = Library(store)
        uid = library.find(flags.run).uid
        to = None
        if flags.to is not None or flags.to_seed is not None:
            there = flags.seed if flags.to_seed is None else flags.to_seed
            to = (flags.sentence if flags.to is None else flags.to, there)
        files = write_images(
            library, uid, Path(flags.output), step=flags.step, count=flags.count, start=(flags.sentence, flags.seed), to=to,
            guidance=flags.guidance, steps=flags.steps,
        )  # fmt: skip
    print(f"Written to {flags.output}: {', '.join(file.name for file in files)}.")
    return 0
