"""Judge the images that a trained run makes from held-out captions, by a run that never saw it, beside real images and a lookup."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from core.graph.selection import SELECTING
from core.problems import refuse
from core.store.library import Library
from core.store.places import CHECKPOINTS
from studio.open.stores import add_store_flags, open_store
from studio.telling.printing import as_json, console
from studio.telling.progress import progress_bar

ROWS = {
    "real ": "the real image", "training ": "as many training images", "lookup ": "training image of the nearest caption",
    "": "made", "chance ": "chance",
}  # fmt: skip


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run that makes images: its id, its name, or the beginning of either")
    parser.add_argument(
        "--by", default="", metavar="RUN",
        help="the judge, a run with images and text in one space, or its folder of checkpoints (default: nobody; features are 8 x 8 pixels)",
    )  # fmt: skip
    parser.add_argument(
        "--most", type=int, default=1000, help="samples of a split at most, spread over it (default: 1000)"
    )
    parser.add_argument("--steps", type=int, default=None, help="sampling steps (default: as the block is set)")
    parser.add_argument(
        "--seed", type=int, default=1000, help="seed of the first; the others have the numbers after it"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the scores among the run's figures, as the window does"
    )
    parser.add_argument("--json", action="store_true")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Make, score, print a table for each held-out split."""
    from core.runs.judging import judged, keep  # torch

    with open_store(flags) as store:
        library, home = Library(store), Path(store.files) / CHECKPOINTS
        uid = library.find(flags.run).uid
        place = home / uid
        by = flags.by if not flags.by or Path(flags.by).is_dir() else str(home / library.find(flags.by).uid)
        if by and Path(by) == place:
            raise refuse(
                "A run cannot judge itself.", hint="Name one that never made an image, such as the example judge_emoji."
            )
        settings = {"judge": by, "most": flags.most, "steps": flags.steps, "seed": flags.seed}
        with progress_bar("Judging") as progress:
            found = judged(place, settings, None if flags.json else console().print, progress)
        if flags.keep:
            keep(library, uid, found)
    if flags.json:
        print(as_json({"scores": found.scores, "said": found.lines}, indent=1))
        return 0
    for split in SELECTING:
        for node in sorted({name.split("/")[2] for name in found.scores if name.startswith(f"score/{split}/")}):
            stem = f"score/{split}/{node}/"
            own = {name.removeprefix(stem): value for name, value in found.scores.items() if name.startswith(stem)}
            console().print(table_of(f"{split}, {node}, N {own['images']:,.0f}", own))
    return 0


def table_of(title: str, scores: Mapping[str, float]) -> Table:
    """A row for what was made and each of what it stands beside."""
    table = Table(title=title, title_justify="left", box=None, header_style="dim", pad_edge=False)
    columns = ("R@1", "R@10", "CLIP score", "FID", "KID", "distance to training")
    for column in ("shown", *columns):
        table.add_column(column, justify="left" if column == "shown" else "right", no_wrap=column != "shown")
    for prefix, words in ROWS.items():
        cells = [_cell(scores, column, prefix) for column in columns]
        if any(cells):
            table.add_row(words, *cells)
    return table


def _cell(scores: Mapping[str, float], column: str, prefix: str) -> str:
    value = scores.get(f"{prefix}{column}")
    if value is None:
        return ""
    if not column.startswith("R@"):
        return f"{value:.4g}"
    if f"{prefix}{column}, 95 % from" not in scores:
        return f"{100 * value:.1f} %"
    low, high = (scores[f"{prefix}{column}, 95 % {end}"] for end in ("from", "to"))
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
