"""Say which attention maps of a trained run can be trusted: faithfulness beside random regions, and where the data has boxes, pointing."""

from __future__ import annotations

import argparse
import dataclasses

from rich.table import Table

from studio.asking.opening import asked, split_of
from studio.open.stores import add_store_flags
from studio.telling.printing import as_json, console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run of the store, by its id, name or the beginning of either")
    parser.add_argument("--split", default="", help="held-out samples to look at (default: test, else validation)")
    parser.add_argument("--samples", type=int, default=100, help="how many of them, drawn with the seed")
    parser.add_argument(
        "--draws", type=int, default=10, help="random orders of regions that each sample is compared with"
    )
    parser.add_argument("--objective", default="", help="the node whose score is explained (default: the first)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Measure, and print a line for each way of looking."""
    from core.compiler.answers.relevance import RULES  # torch
    from core.inference.relevance_report import trust_report

    with asked(flags) as trained:
        split = split_of(trained, flags.split)
        found = trust_report(
            trained, split, samples=flags.samples, draws=flags.draws, seed=flags.seed, objective=flags.objective
        )
    if flags.json:
        print(as_json(dataclasses.asdict(found), indent=1))
        return 0
    table = Table(box=None, header_style="dim", pad_edge=False)
    pointed = any(one.pointing for one in found.rules)
    for title in ("map", "deletion gain", "insertion gain", *(("pointing", "overlap") if pointed else ()), ""):
        table.add_column(title)
    for one in found.rules:
        gains = [f"{part.mean:+.4f} [{part.low:+.4f}, {part.high:+.4f}]" for part in (one.deletion, one.insertion)]
        told = one.pointing
        more = (
            []
            if told is None
            else [f"{told.hits:.1%} ({told.chance_hits:.1%})", f"{told.overlap:.3f} ({told.chance_overlap:.3f})"]
        )
        table.add_row(
            RULES[one.rule].title, *gains, *more, "faithful" if one.is_faithful else "not distinguishable from random"
        )
    console().print(f"{found.score_kind}, mean {found.mean_score:.3f} over {found.samples} samples of {found.split}")
    console().print(table)
    print(
        "Gain: by how much the area under the curve is better than that of random regions, with 95 % intervals; in brackets: chance."
    )
    return 0
