"""List the runs of a store."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

from rich.console import Console
from rich.table import Table

from core.store.database import Store
from core.store.library import Library


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("text", nargs="*", help="show only runs with these words")
    parser.add_argument("--store", default=None, help="where runs are kept")
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Print them, newest first."""
    with Store.open(flags.store) as store:
        library = Library(store)
        library.mark_interrupted()
        found = library.runs(text=" ".join(flags.text))
        if flags.json:
            print(json.dumps([dataclasses.asdict(facts) for facts in found], ensure_ascii=False, indent=1, default=str))
            return 0
        table = Table(box=None, header_style="dim")
        for title in ("run", "name", "status", "step", "seconds", "loss", "R@10 unseen", "started"):
            table.add_column(title)
        for facts in found:
            score = facts.best.get("retrieval/test/image_to_text/R@10")
            table.add_row(
                facts.uid, facts.name, facts.status, f"{facts.step}/{facts.steps}", f"{facts.seconds:.0f}",
                f"{facts.last['loss']:.3f}" if "loss" in facts.last else "–", f"{score:.1%}" if score is not None else "–",
                time.strftime("%Y-%m-%d %H:%M", time.localtime(facts.created)),
            )  # fmt: skip
        console = Console()
        console.print(table if found else "There are no runs yet. Train one: python -m studio run")
    return 0
