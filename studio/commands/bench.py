"""Measure what the house promises about speed: ratios, side by side in one run, each in a process of its own."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from core.problems import refuse
from studio import benches
from studio.benches.figure import Figure


def names() -> list[str]:
    """Every bench: the files of :mod:`studio.benches` that have a ``measure``."""
    found = sorted(module.name for module in pkgutil.iter_modules(benches.__path__))
    return [name for name in found if name not in ("figure", "open_clip_alone", "synthetic")]


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("only", nargs="*", help="names of benches: " + ", ".join(names()))
    parser.add_argument("--strict", action="store_true", help="end with code 1 where a promise is broken")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process, one line of JSON


def run(flags: argparse.Namespace) -> int:
    """Print a table for each; 1 where one could not be measured, or (strictly) a promise is broken."""
    unknown = sorted(set(flags.only) - set(names()))
    if unknown:
        raise refuse(f"There is no bench {unknown[0]!r}.", hint="There are: " + ", ".join(names()))
    if flags.here:
        print(json.dumps(_measured(flags.only[0])))
        return 0
    console = Console(file=sys.stderr if flags.json else sys.stdout)
    report = {}
    for name in flags.only or names():
        with console.status(f"Measuring {name} ..."):
            report[name] = _in_a_process(name)
        _show(console, report[name])
    if flags.json:
        print(json.dumps(report))
    kept = all(figure["is_kept"] for entry in report.values() for figure in entry["figures"])
    failed = any(entry["error"] for entry in report.values())
    return 1 if failed or (flags.strict and not kept) else 0


def _measured(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"studio.benches.{name}")
    figures: list[Figure] = module.measure()
    return {
        "title": module.title,
        "figures": [{**asdict(figure), "wanted": figure.wanted, "is_kept": figure.is_kept} for figure in figures],
        "error": "",
    }


def _in_a_process(name: str) -> dict[str, Any]:
    """A bench alone in a process: another's caches, threads and garbage do not count."""
    done = subprocess.run(
        [sys.executable, "-m", "studio", "bench", name, "--here"],
        capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines()
        return {"title": name, "figures": [], "error": said[-1] if said else f"ended with code {done.returncode}"}
    return found


def _show(console: Console, entry: dict[str, Any]) -> None:
    table = Table(title=entry["title"], title_justify="left", box=None, pad_edge=False)
    table.add_column("", min_width=44)
    table.add_column("measured", justify="right")
    table.add_column("promised")
    for figure in entry["figures"]:
        verdict = "" if not figure["wanted"] else "  kept" if figure["is_kept"] else "  BROKEN"
        value = f"{figure['value']:,.4g}" if abs(figure["value"]) < 10_000 else f"{figure['value']:,.0f}"
        table.add_row(figure["name"], f"{value} {figure['unit']}".strip(), figure["wanted"] + verdict)
    console.print(table)
    if entry["error"]:
        console.print(f"Not measured: {entry['error']}", markup=False)
    console.print()
