"""Train an experiment's sweep: every configuration with every seed, one after the other; ends with the table and a verdict."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table as RichTable
from rich.text import Text

from core.graph.configurations import Configuration
from core.graph.file import dumps, loads
from core.graph.sweep import MOST_TRIALS
from core.problems import Refused, refuse
from core.runs.paper import FORMATS, differing, interval
from core.runs.sweeping import SweepThread, begin_sweep, with_counts
from core.runs.verdict import Table, cost, figure, gap, sentence, table
from core.runs.vocabulary import full_vocabulary
from core.store.answers import SweepFacts, TrialFacts
from core.store.database import Store
from core.store.library import Library
from core.store.sweeps import WORKER, Sweeps
from core.texts import harmless
from studio.commands.run import signals
from studio.open.documents import find_document, turned
from studio.open.stores import add_store_flags, kept_in, open_store, opened_again
from studio.telling.printing import as_json, console
from widgets.look.language import said, tr

SECONDS_BETWEEN_LOOKS = 0.25
USUAL_COSTS = ("seconds", "GFLOPs a sample", "MiB for backward")


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", help="an experiment with a sweep, an example's name, or a sweep of the store")
    add_store_flags(parser)
    parser.add_argument("--trials", type=int, help="configurations of a random or Bayesian search")
    parser.add_argument("--seeds", type=int, help="seeds of every configuration")
    parser.add_argument(
        "--share-weights", action="store_true",
        help="let what a trial has in common with an earlier one begin with its weights: for a search, not for a comparison",
    )  # fmt: skip
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="BLOCK.SETTING=VALUE",
        help="change a setting for all configurations",
    )
    parser.add_argument(
        "--place", choices=("thread", "process", WORKER), default="thread",
        help=f"train trials here (thread), each in a process of its own, or leave them to workers ({WORKER})",
    )  # fmt: skip
    parser.add_argument("--stop-on-error", action="store_true", help="pause where a trial fails")
    parser.add_argument("--retry", action="store_true", help="try failed trials again")
    parser.add_argument("--again", action="store_true", help="begin anew where the same sweep is in the store")
    parser.add_argument(
        "--table", metavar="FILE", help="write the table at the end: .csv, .md (Markdown) or .tex (LaTeX, booktabs)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines: every trial, and at the end the table")


def run(flags: argparse.Namespace) -> int:
    """Carry it out, or on; 0 where every trial is done. A signal puts the trial back into the queue: 128 + n."""
    for name in ("trials", "seeds"):
        value = getattr(flags, name)
        if value is not None and not 1 <= value <= MOST_TRIALS:
            raise refuse(f"--{name} is {value}; it must lie between 1 and {MOST_TRIALS:,}.")
    if flags.table and table_format(flags.table) not in FORMATS:
        raise refuse(f"No table is written as {flags.table!r}.", hint="End the name in .csv, .md or .tex.")
    with open_store(flags) as store:
        Library(store).mark_interrupted()
        sweeps = Sweeps(store)
        sweeps.mark_interrupted()
        facts = _found(flags, store, sweeps)
        if flags.retry:
            failed = [trial.number for trial in sweeps.trials(facts.uid) if trial.state == "failed"]
            sweeps.requeue(facts.uid, failed)
        if flags.place == WORKER:
            print(
                f"The sweep {facts.uid} is {_left_to_workers(sweeps, facts)}. Train it: python -m studio worker {opened_again(flags, store)}"
            )
            return 0
        with signals() as caught:
            error = _carry_out(flags, store, sweeps, facts.uid, caught)
        if error:
            raise refuse(error)
        done = _report(flags, sweeps, facts.uid)
    return 0 if done else 128 + caught[0] if caught else 1


def _left_to_workers(sweeps: Sweeps, facts: SweepFacts) -> str:
    """Queue it where it is not carried out and not done; gives its state."""
    if facts.state == "paused":
        sweeps.set_state(facts.uid, "queued")
    return sweeps.facts(facts.uid).state


def _found(flags: argparse.Namespace, store: Store, sweeps: Sweeps) -> SweepFacts:
    """The sweep of the store, the one that this very document began, or a new one."""
    try:
        document = find_document(flags.file)
    except Refused:
        if (known := _known(sweeps, flags.file)) is not None:
            given = [
                name
                for name in ("set", "trials", "seeds", "share_weights")
                if getattr(flags, name) not in (None, [], False)
            ]
            if given:
                raise refuse(
                    f"--{given[0].replace('_', '-')} cannot be given with a sweep that has begun.",
                    hint="Name the experiment to begin another sweep.",
                ) from None
            return known
        raise
    words = full_vocabulary()
    document = with_counts(turned(document, flags.set, words), flags.trials, flags.seeds)
    if flags.share_weights and document.sweep is not None:
        document = replace(document, sweep=replace(document.sweep, share_weights=True))
    found = None if flags.again else sweeps.of_document(dumps(document))
    if found is not None:
        return found
    return begin_sweep(store, document, words, continue_on_error=not flags.stop_on_error, place=flags.place)


def _known(sweeps: Sweeps, wanted: str) -> SweepFacts | None:
    try:
        return sweeps.find(wanted)
    except Refused:
        return None


def _carry_out(flags: argparse.Namespace, store: Store, sweeps: Sweeps, uid: str, caught: list[int]) -> str:
    if sweeps.facts(uid).state == "finished":
        return ""
    thread = SweepThread(store, uid)
    thread.start()
    say = _Lines(sweeps, uid) if flags.json else _Bar(sweeps, uid)
    stopped = False
    try:
        while thread.is_alive():
            thread.join(SECONDS_BETWEEN_LOOKS)
            say.look()
            if caught and not stopped:
                stopped = True
                thread.stop()
    finally:
        say.close()
    return thread.error


class _Lines:
    """A JSON line for every trial that changed."""

    def __init__(self, sweeps: Sweeps, uid: str) -> None:
        self._sweeps, self._uid = sweeps, uid
        self._said: dict[int, str] = {}

    def look(self) -> None:
        """Say what is new."""
        for trial in self._sweeps.trials(self._uid):
            if trial.state != "queued" and self._said.get(trial.number) != trial.state:
                self._said[trial.number] = trial.state
                print(as_json(trial_line(trial)), flush=True)

    def close(self) -> None:
        """Say the last."""
        self.look()


class _Bar:
    """Trials done, the configuration that is trained, its step."""

    def __init__(self, sweeps: Sweeps, uid: str) -> None:
        self._sweeps, self._uid = sweeps, uid
        columns = (
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} trials"),
            TextColumn("{task.description}", markup=False),
        )
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task("starting", total=1)
        self._progress.start()
        self._failed: set[int] = set()

    def look(self) -> None:
        """Say where it is."""
        trials = self._sweeps.trials(self._uid)
        now = next((trial for trial in trials if trial.state == "running"), None)
        text = f"{configuration_name(now)}, seed {now.seed}, step {now.step}/{now.steps}" if now else ""
        done = sum(trial.state not in ("queued", "running") for trial in trials)
        self._progress.update(self._task, completed=done, total=len(trials), description=text)
        for trial in trials:
            if trial.state == "failed" and trial.number not in self._failed:
                self._failed.add(trial.number)
                self._progress.console.print(
                    f"{harmless(configuration_name(trial))}, seed {trial.seed}: {said(trial.reason)}", markup=False
                )

    def close(self) -> None:
        """Leave the bar as it is."""
        self.look()
        self._progress.stop()


def configuration_name(trial: TrialFacts) -> str:
    """The configuration's name."""
    return Configuration.from_json(trial.configuration).name


def trial_line(trial: TrialFacts) -> dict[str, Any]:
    """One trial for a program."""
    return {
        "trial": trial.number, "configuration": configuration_name(trial), "seed": trial.seed, "state": trial.state, "run": trial.run,
        "value": trial.value, "figures": dict(trial.figures), "reason": trial.reason,
    }  # fmt: skip


def _report(flags: argparse.Namespace, sweeps: Sweeps, uid: str) -> bool:
    facts = sweeps.facts(uid)
    document = loads(sweeps.document_text(uid))
    plan = document.sweep
    if plan is None:
        raise refuse("The experiment of this sweep has lost its plan.")
    found = table(plan, sweeps.trials(uid))
    if flags.table:
        _write(Path(flags.table), FORMATS[table_format(flags.table)](found))
    if flags.json:
        print(as_json(result(facts, found)), flush=True)
        return facts.state == "finished"
    out = console()
    out.print(rich_table(found, plan.costs))
    out.print(harmless(sentence(found)))
    counts = ", ".join(f"{count} {state}" for state, count in sorted(facts.counts.items()))
    out.print(f"Sweep {facts.uid} is {facts.state}: {counts}. Kept in {kept_in(sweeps.store)}")
    return facts.state == "finished"


def table_format(path: str) -> str:
    """What the ending of a file's name asks for."""
    return Path(path).suffix.lower().removeprefix(".")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise refuse(f"{path} cannot be written: {error.strerror or error}.") from None


def result(facts: SweepFacts, found: Table) -> dict[str, Any]:
    """The whole table for a program."""
    rows = [
        {
            "configuration": row.configuration.name, "at": dict(row.configuration.at), "values": {str(seed): value for seed, value in row.values.items()},
            "mean": row.estimate.mean if row.estimate else None, "low": row.estimate.low if row.estimate else None,
            "high": row.estimate.high if row.estimate else None,
            "figures": {name: one.mean for name, one in row.figures.items()},
            "against": _against(found, row.configuration.name),
        }
        for row in found.rows
    ]  # fmt: skip
    return {
        "sweep": facts.uid, "name": facts.name, "state": facts.state, "trials": dict(facts.counts), "metric": found.metric,
        "direction": found.direction, "baseline": found.baseline, "configurations": rows, "verdict": found.verdict.kind,
        "growth": [{"cost": one.cost, "axis": one.axis, "powers": dict(one.powers)} for one in found.growths],
        "sentence": sentence(found),
    }  # fmt: skip


def _against(found: Table, configuration: str) -> dict[str, Any] | None:
    one = found.comparisons.get(configuration)
    if one is None:
        return None
    by = one.difference
    return {
        "difference": by.mean, "low": by.low, "high": by.high, "seeds": by.seeds, "p_t": one.p_t, "p_flip": one.p_flip,
        "distinguishable": one.distinguishable,
    }  # fmt: skip


def rich_table(found: Table, wanted: tuple[str, ...]) -> RichTable:
    """A row a configuration; of the costs those that were asked for, and the usual ones where configurations differ."""
    differ = differing(found)
    costs = [*wanted, *(name for name in USUAL_COSTS if name in differ and name not in wanted)]
    shown = RichTable(box=None, header_style="dim", pad_edge=False, caption_justify="left")
    shown.caption = f"{found.metric}; {found.direction} is better; compared with {found.baseline}; * distinguishable"
    shown.add_column("configuration", overflow="fold", min_width=8)
    for title in ("mean", "95 % CI", "seeds", "difference", "p", *map(tr, costs)):
        shown.add_column(title, justify="right", overflow="fold")
    for row in found.rows:
        one = found.comparisons.get(row.configuration.name)
        by = f"{'+' if one.difference.mean > 0 else ''}{gap(one.difference.mean, found.metric)}" if one else ""
        shown.add_row(
            Text(harmless(row.configuration.name)), figure(row.estimate.mean, found.metric) if row.estimate else "–",
            interval(row.estimate, found.metric), str(len(row.values)), by + (" *" if one and one.distinguishable else ""),
            f"{one.p_t:.3f}" if one else "",
            *(cost(found, row, name) for name in costs),
        )  # fmt: skip
    return shown
