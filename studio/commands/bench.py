"""Measure the promises about speed: ratios, side by side in one run, each in a process of its own."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from core.problems import refuse
from studio import benches
from studio.benches.against import Compared, compared, in_a_process, laid_out
from studio.benches.figure import Figure

BASELINE = "dca498c"  # what shares are promised against where no commit is named
PARTS = ("against", "application", "figure", "open_clip_alone", "synthetic")  # of benches, none themselves
SLOW = ("built_in",)  # take many minutes: only where they are named


def names() -> list[str]:
    """Every bench: the files of :mod:`studio.benches` that have a ``measure``."""
    return [name for name in sorted(m.name for m in pkgutil.iter_modules(benches.__path__)) if name not in PARTS]


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("only", nargs="*", help="names of benches: " + ", ".join(names()))
    parser.add_argument("--strict", action="store_true", help="end with code 1 where a promise is broken")
    parser.add_argument(
        "--against", nargs="?", const=BASELINE, metavar="COMMIT",
        help=f"put that commit ({BASELINE}) beside this one: the same benches in turn, and the ratios",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="with --against: rounds of each (3)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, one line of JSON


def run(flags: argparse.Namespace) -> int:
    """Print a table for each; 1 where one could not be measured, or (strictly) a promise is broken."""
    unknown = sorted(set(flags.only) - set(names()))
    if unknown:
        raise refuse(f"There is no bench {unknown[0]!r}.", hint="There are: " + ", ".join(names()))
    if flags.rounds < 1:
        raise refuse(f"--rounds is {flags.rounds}.", hint="One round is the least.")
    if flags.here:
        print(json.dumps(_measured(flags.only[0])))
        return 0
    chosen = flags.only or [name for name in names() if name not in SLOW]
    console = Console(file=sys.stderr if flags.json else sys.stdout)
    return _beside(flags, chosen, console) if flags.against else _alone(flags, chosen, console)


def _alone(flags: argparse.Namespace, chosen: list[str], console: Console) -> int:
    report = {}
    for name in chosen:
        with console.status(f"Measuring {name} ..."):
            report[name] = in_a_process(name)
        _show(console, report[name])
    if flags.json:
        print(json.dumps(report))
    kept = all(figure["is_kept"] for entry in report.values() for figure in entry["figures"])
    failed = any(entry["error"] for entry in report.values())
    return 1 if failed or (flags.strict and not kept) else 0


def _beside(flags: argparse.Namespace, chosen: list[str], console: Console) -> int:
    report: dict[str, Any] = {}
    kept, failed = True, False
    with laid_out(flags.against) as homes:
        for name in chosen:
            with console.status(f"Measuring {name}, here and at {flags.against} ..."):
                entry, figures, note = compared(name, homes, flags.rounds)
            report[name] = {"title": entry["title"], "note": note or entry["error"], "figures": [
                {**asdict(figure), "ratio": figure.ratio, "is_kept": figure.is_kept} for figure in figures
            ]}  # fmt: skip
            kept, failed = kept and all(figure.is_kept for figure in figures), failed or bool(entry["error"])
            _show_beside(console, entry["title"], flags.against, figures, note or entry["error"])
    if flags.json:
        print(json.dumps({"against": flags.against, "rounds": flags.rounds, "benches": report}))
    return 1 if failed or (flags.strict and not kept) else 0


def _measured(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"studio.benches.{name}")
    figures: list[Figure] = module.measure()
    return {
        "title": module.title,
        "figures": [{**asdict(figure), "wanted": figure.wanted, "is_kept": figure.is_kept} for figure in figures],
        "error": "",
    }


def _number(value: float, unit: str = "") -> str:
    return (f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}") + (f" {unit}" if unit else "")


def _show(console: Console, entry: dict[str, Any]) -> None:
    table = Table(title=entry["title"], title_justify="left", box=None, pad_edge=False)
    table.add_column("", min_width=44)
    table.add_column("measured", justify="right")
    table.add_column("promised")
    for figure in entry["figures"]:
        verdict = "" if not figure["wanted"] else "  kept" if figure["is_kept"] else "  BROKEN"
        table.add_row(figure["name"], _number(figure["value"], figure["unit"]), figure["wanted"] + verdict)
    console.print(table)
    if entry["error"]:
        console.print(f"Not measured: {entry['error']}", markup=False)
    console.print()


def _show_beside(console: Console, title: str, commit: str, figures: list[Compared], note: str) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", min_width=44)
    for heading in ("here", f"at {commit[:12]}", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("promised")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
        theirs = "" if figure.theirs is None else _number(figure.theirs, figure.unit)
        wanted = (
            "" if figure.share is None else f"at most {figure.share:g}" + ("  kept" if figure.is_kept else "  BROKEN")
        )
        table.add_row(figure.name, _number(figure.ours, figure.unit), theirs, ratio, wanted)
    console.print(table)
    if note:
        console.print(note, markup=False)
    console.print()
