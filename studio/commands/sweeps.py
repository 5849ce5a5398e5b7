"""List the sweeps of a store."""

from __future__ import annotations

import argparse
import dataclasses

from rich.table import Table
from rich.text import Text

from core.store.answers import SweepFacts
from core.store.sweeps import Sweeps
from core.texts import harmless
from studio.open.stores import add_store_flags, open_store
from studio.telling.printing import as_json, console


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    add_store_flags(parser)
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Print them in the order of the queue."""
    with open_store(flags) as store:
        sweeps = Sweeps(store)
        if store.is_writable:
            sweeps.mark_interrupted()
        found = sweeps.all()
    if flags.json:
        print(
            as_json(
                [{**dataclasses.asdict(facts), "trials": facts.trials, "done": facts.done} for facts in found], indent=1
            )
        )
    elif found:
        console().print(table_of(found))
    else:
        print("There are no sweeps yet. Begin one: python -m studio sweep temperature_sweep")
    return 0


def table_of(found: list[SweepFacts]) -> Table:
    """A line a sweep."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("sweep", "state", "done", "failed"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("done", "failed") else "left")
    table.add_column("name", overflow="fold", min_width=8)
    for facts in found:
        failed = str(facts.counts.get("failed", 0) or "")
        table.add_row(facts.uid, facts.state, f"{facts.done}/{facts.trials}", failed, Text(harmless(facts.name)))
    return table
