"""Say by how much the audio of a video file is late, part by part, as a trained run finds it."""

from __future__ import annotations

import argparse
import json
import statistics

from studio.asking.opening import asked
from studio.open.stores import add_store_flags
from studio.telling.flags import existing_file


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument(
        "run", help="a run of the store that has the objective Sync, by its id, name or the beginning of either"
    )
    parser.add_argument("file", help="a video file with audio")
    parser.add_argument("--json", action="store_true", help="print a JSON line for each part")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Ask, and print a line for each part."""
    from core.inference.offset import offsets  # torch

    file = existing_file(flags.file, "Give the path of a video file.")
    with asked(flags) as trained:
        parts = offsets(trained, file)
    for part in parts:
        if flags.json:
            told = {
                "start": part.span.start,
                "end": part.span.end,
                "offset": part.seconds,
                "probability": part.sure,
                "frame": part.frame,
            }
            print(json.dumps(told))
            continue
        words = "cannot be told" if part.seconds is None else f"{part.seconds:+.2f} s"
        print(
            f"{part.span.start:8.2f} to {part.span.end:.2f} s: {words}   (probability {part.sure:.2f} within {part.frame:.3f} s)"
        )
    known = [part.seconds for part in parts if part.seconds is not None]
    if not flags.json and len(parts) > 1 and known:
        print(
            f"The audio is {statistics.median(known):+.2f} s late in the median of the {len(known):,} parts where that can be told."
        )
    return 0
