"""Follow a run in the terminal, whoever trains it: how far it is, its figures with their course, what it said last."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from core.graph.conditions import Condition
from core.graph.selection import selecting_series
from core.problems import refuse
from core.runs.vocabulary import cached_vocabulary, full_vocabulary
from core.store.answers import Head, RunFacts
from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import ENDED
from core.texts import harmless
from studio.commands.run import GOOD, report
from studio.open.stores import add_store_flags, open_store
from studio.telling.printing import as_json, console
from widgets.look.states import state_words
from widgets.look.titles import use_vocabulary

SECONDS_BETWEEN_LOOKS = 0.5
COLUMNS, BARS = 40, "▁▂▃▄▅▆▇█"  # of a figure's course
MOST_FIGURES, LINES = 10, 6
LIKED = ("loss", "temperature", "effective rank", "throughput")  # shown where nothing is asked for, beside what selects


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("run", help="a run's id, the beginning of one, or its name")
    add_store_flags(parser)
    parser.add_argument(
        "--figure", action="append", default=[], metavar="NAME",
        help="a figure by its name or its last words, * for anything; may be repeated (default: loss, what selects, and a few)",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="show how it is now and leave")
    parser.add_argument("--json", action="store_true", help="a JSON line whenever something is new")


def run(flags: argparse.Namespace) -> int:
    """Until the run has ended, or Ctrl-C, which leaves the run alone. 0 for a run that ended well or goes on, else 1."""
    with open_store(flags) as store:
        library = Library(store)
        facts = library.find(flags.run)
        use_vocabulary(cached_vocabulary() or full_vocabulary())
        reader = library.reader(facts.uid)
        wanted = _wanted(reader, facts, flags.figure)
        try:
            (_say_lines if flags.json else _show)(library, facts.uid, reader, wanted, flags.once)
        except KeyboardInterrupt:
            return 0
        now = library.facts(facts.uid)
        if now.status in ENDED and not flags.json and not flags.once:
            report(library, now)
        return 1 if now.status in ENDED and now.status not in GOOD else 0


def _wanted(reader: RunReader, facts: RunFacts, asked: Sequence[str]) -> Callable[[], list[str]]:
    """Which series are shown: looked up anew each time, for a young run has said few. Raises Refused for one that an ended run never said."""
    conditions = [Condition(figure=name, relation=">", value=0) for name in asked]

    def chosen() -> list[str]:
        names = [series.name for series in reader.series("scalar")]
        if conditions:
            return [name for name in names if any(condition.fits(name) for condition in conditions)][:MOST_FIGURES]
        liked = {
            name
            for name in names
            for word in LIKED
            if name == word or name.endswith(f"/{word}") or name.startswith(f"{word}/")
        }
        liked |= {selecting_series(names)} & set(names)
        return [name for name in names if name in liked and not name.startswith("gradient/")][:MOST_FIGURES]

    if conditions and facts.status in ENDED and not chosen():
        known = ", ".join(series.name for series in reader.series("scalar")[:20])
        raise refuse(f"The run has no figure called {', '.join(asked)}.", hint=f"It said: {known}, ...")
    return chosen


def _heads(library: Library, uid: str, reader: RunReader, once: bool) -> Iterable[tuple[Head, RunFacts]]:
    """How the run is, whenever that is new, until it has ended."""
    seen = -1
    while True:
        head = reader.head()
        if head.revision != seen:
            seen = head.revision
            yield head, library.facts(uid)
        if once or head.status in ENDED:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)
        library.mark_interrupted()  # one that was killed says nothing


def _say_lines(library: Library, uid: str, reader: RunReader, wanted: Callable[[], list[str]], once: bool) -> None:
    for head, facts in _heads(library, uid, reader, once):
        figures = {name: found[1] for name in wanted() if (found := reader.value_at(name, head.step))}
        line: dict[str, Any] = {
            "run": uid,
            "status": head.status,
            "reason": facts.reason,
            "step": head.step,
            "steps": head.steps,
        }
        print(as_json({**line, "seconds": head.seconds, "figures": figures}), flush=True)


def _show(library: Library, uid: str, reader: RunReader, wanted: Callable[[], list[str]], once: bool) -> None:
    out = console()
    if once or not out.is_terminal:
        for head, facts in _heads(library, uid, reader, True):
            out.print(_page(reader, head, facts, wanted()))
        if once:
            return
    with Live(console=out, auto_refresh=False, transient=True) as live:
        for head, facts in _heads(library, uid, reader, once):
            live.update(_page(reader, head, facts, wanted()), refresh=True)


def _page(reader: RunReader, head: Head, facts: RunFacts, names: Sequence[str]) -> RenderableType:
    left = f", {_clock(head.seconds_left)} left" if head.seconds_left is not None and head.status not in ENDED else ""
    title = f"{harmless(facts.name)}  {state_words(head)}  step {head.step:,} of {head.steps:,}, {_clock(head.seconds)}{left}"
    parts: list[RenderableType] = [
        Text(title),
        ProgressBar(total=max(head.steps, 1), completed=head.step, width=COLUMNS * 2),
    ]
    if facts.reason:
        parts.append(Text(harmless(facts.reason)))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name in names:
        _, values = reader.points(name)
        if len(values):
            table.add_row(harmless(name), f"{values[-1]:.4g}", course(values))
    marks = [f"step {mark.step:,}  {harmless(mark.text)}" for mark in reader.marks()[-LINES:]]
    return Group(*parts, table, *map(Text, marks))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def course(values: Sequence[float] | np.ndarray[Any, Any], columns: int = COLUMNS) -> str:
    """A row of values as bars: the mean of equal parts, from the least to the largest; a part without a finite value is a gap."""
    parts = np.array_split(np.asarray(values, dtype=float), min(columns, len(values)))
    means = np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else np.nan for part in parts])
    finite = means[np.isfinite(means)]
    if not len(finite):
        return ""
    low, span = finite.min(), max(float(np.ptp(finite)), 1e-12)
    return "".join(
        " " if not np.isfinite(mean) else BARS[min(int((mean - low) / span * len(BARS)), len(BARS) - 1)]
        for mean in means
    )
