"""Say how much of a trained run's held-out score survives without each modality, and whether the answer can be read from one alone."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from rich.table import Table

from studio.asking.opening import asked, split_of
from studio.open.stores import add_store_flags
from studio.telling.printing import as_json, console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run of the store, by its id, name or the beginning of either")
    parser.add_argument("--split", default="", help="held-out samples (default: test, else validation)")
    parser.add_argument("--samples", type=int, default=1000, help="at most so many of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", help="write the table to this file, too")
    parser.add_argument("--json", action="store_true")
    add_store_flags(parser)


def run(flags: argparse.Namespace) -> int:
    """Measure, and print a line for each change, then what follows."""
    from core.inference.changes import HOWS  # torch
    from core.inference.counterfactual import COLUMNS, counterfactuals, table_rows

    with asked(flags) as trained:
        split = split_of(trained, flags.split)
        found = counterfactuals(trained, split, samples=flags.samples, seed=flags.seed)
    rows = table_rows(found)
    if flags.csv:
        with Path(flags.csv).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    if flags.json:
        flags_said = [problem.what for one in found for problem in one.flags]
        print(as_json({"rows": rows, "flags": flags_said}, indent=1))
        return 0
    for one in found:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for title in ("modality", "change", one.metric, "survives"):
            table.add_column(title)
        for row in one.rows:
            share = (
                "–"
                if one.base.low <= one.chance
                else f"{row.survives.value:.0%} [{row.survives.low:.0%}, {row.survives.high:.0%}]"
            )
            score = f"{row.score.value:.1%} [{row.score.low:.1%}, {row.score.high:.1%}]"
            table.add_row(row.modality, HOWS[row.how], score, share)  # type: ignore[index]
        base = f"{one.base.value:.1%} [{one.base.low:.1%}, {one.base.high:.1%}]"
        console().print(
            f"{one.objective}: {one.metric} {base} over {one.samples} samples of {one.split}, chance {one.chance:.1%}"
        )
        console().print(table)
        for problem in (*one.flags, *one.notes):
            console().print(problem.what)
    return 0
