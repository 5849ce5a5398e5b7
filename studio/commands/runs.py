"""List the runs of a store."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time

from rich.table import Table
from rich.text import Text

from core.exploring.filtering import read_filter
from core.exploring.ledger import Ledger
from core.exploring.tokens import Misread
from core.graph.selection import BOTH, METRIC, Figure, best_of, is_test, metric_of, selecting_series
from core.graph.vocabulary import Vocabulary
from core.runs.vocabulary import cached_vocabulary
from core.store.answers import RunFacts
from core.store.database import Store
from core.store.library import Library
from core.texts import harmless
from studio.open.stores import add_store_flags, open_store
from studio.telling.printing import as_json, console
from studio.telling.sentences import spoken

TEST_NOTE = "; t: on the test split, for there is no validation split"


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("text", nargs="*", help="show only runs with these words")
    parser.add_argument(
        "--where", default="", metavar="FILTER", help="as in the window: 'r@10 > 0.4 and batch_size = 32'"
    )
    add_store_flags(parser)
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Print them, newest first."""
    with open_store(flags) as store:
        library = Library(store)
        for problem in store.warnings:
            print(spoken(problem), file=sys.stderr)
        library.mark_interrupted()
        found = where(store, library.runs(text=" ".join(flags.text)), flags.where)
    if flags.json:
        print(as_json([dataclasses.asdict(facts) for facts in found], indent=1))
    elif found:
        console().print(table_of(found))
    else:
        print(
            "No run fits."
            if flags.where
            else "No run has these words."
            if flags.text
            else "There are no runs yet. Train one: python -m studio run"
        )
    return 0


def where(store: Store, runs: list[RunFacts], text: str) -> list[RunFacts]:
    """Runs that a filter is true of. Raises Misread, after showing where."""
    ledger = Ledger(store)
    try:
        condition = read_filter(text, ledger.known())
    except Misread as wrong:
        print(harmless(wrong.pointed.split("\n")[0]), wrong.pointed.split("\n")[1], sep="\n", file=sys.stderr)
        raise
    if condition is None:
        return runs
    values = ledger.read(condition.fields(), runs, cached_vocabulary() or Vocabulary())
    return [run for run in runs if condition.holds(lambda field, run=run: values.value(field, run))]  # type: ignore[misc]


def table_of(runs: list[RunFacts]) -> Table:
    """Within 80 columns; only a long name is broken onto a second line, and nothing is cut."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for title in ("run", "status", "step", "loss", METRIC, "started"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("step", "loss", METRIC) else "left")
    table.add_column("name", overflow="fold", min_width=8)
    said = ""
    for facts in runs:
        series = selecting_series(facts.best)
        score = best_of([facts.best.get(series)])
        said = said or (TEST_NOTE if is_test(series) else "")
        loss = facts.last.get("loss")
        steps = f"{facts.step}" if facts.step == facts.steps else f"{facts.step}/{facts.steps}"
        table.add_row(
            facts.uid, facts.status, steps, "–" if loss is None else f"{loss:.3f}", "–" if score is None else _score(score, series),
            _when(facts.created), Text(harmless(facts.name)),
        )  # fmt: skip
    table.caption = f"{METRIC}: best of the run on validation, {BOTH}{said}"
    table.caption_justify = "left"
    return table


def _score(score: float, series: str) -> str:
    """R@10 as a share; another score with its name."""
    metric = metric_of(series)
    name = "" if metric == METRIC else f" {metric.rpartition('/')[2]}"
    return Figure(split="", value=score, metric=metric).number + name + (" t" if is_test(series) else "")


def _when(created: float) -> str:
    """The minute within the last half year, the day before that."""
    recent = time.time() - created < 180 * 86_400
    return time.strftime("%m-%d %H:%M" if recent else "%Y-%m-%d", time.localtime(created))
