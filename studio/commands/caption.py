"""Let a trained run write about an image file or a video, and show where each subword looked most."""

from __future__ import annotations

import argparse

import numpy as np

from studio.asking.opening import asked
from studio.open.stores import add_store_flags
from studio.telling.flags import existing_file, number


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run of the store, by its id, name or the beginning of either")
    parser.add_argument("image", help="an image file, or a video")
    parser.add_argument("--temperature", type=number, default=0.0, help="0: always the likeliest subword")
    parser.add_argument("--top-k", type=int, default=0, help="draw only among so many likeliest; 0: all")
    parser.add_argument("--top-p", type=number, default=1.0, help="draw only among those that have this probability")
    parser.add_argument("--beams", type=int, default=1, help="sentences kept side by side")
    parser.add_argument("--seed", type=int, default=0)
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Write, and print the sentence and the looks."""
    from core.blocks.generators.writing import Way  # torch
    from core.compiler.answers.writing import writers
    from core.data.readers.media_formats import VIDEOS
    from core.inference.caption import caption

    image = existing_file(flags.image, "Give the path of an image, or of a video.")
    with asked(flags) as trained:
        way = Way(temperature=flags.temperature, top_k=flags.top_k, top_p=flags.top_p, beams=flags.beams)
        about = {writer.modality for writer in writers(trained.plan)}
        given = "film" if "video" in about and image.suffix.lower() in VIDEOS.endings else "picture"
        made = caption(trained, **{given: image}, way=way, seed=flags.seed)  # type: ignore[arg-type]
    print(f"{made.sentence}   (log-probability {made.log_probability:.2f})")
    for word in made.words:
        if word.look_HW is not None:
            row, column = np.unravel_index(int(word.look_HW.argmax()), word.look_HW.shape)
            print(f"  {word.text!r:14} looks most at row {row + 1}, column {column + 1} ({word.look_HW.max():.0%})")
    return 0
