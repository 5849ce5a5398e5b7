"""Train an experiment (a file, or an example of the gallery by name) and keep the run in the store."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from core.graph import edits
from core.graph.budget.learning import audit, corrected
from core.graph.budget.predicting import predict
from core.graph.document import Document
from core.graph.file import dumps, loads
from core.graph.recipe import Recipe
from core.graph.selection import (
    EXAMPLES,
    TEST_HOLDS,
    TEST_SELECTS,
    Figure,
    best_of,
    is_test,
    metric_of,
    of_task,
    parted,
    selecting_series,
    task_of,
    without_task,
)  # fmt: skip
from core.knobs import knobs_of, problems_with
from core.problems import Refused, refuse
from core.runs.budget.kept import kept_for, ratios
from core.runs.launch import change_recipe, place_of, queue
from core.runs.staging import queue_stage
from core.runs.vocabulary import cached_vocabulary, full_vocabulary
from core.runs.worker import STOPS, RunThread, ask, start_process
from core.store.answers import Head, RunFacts
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.store.resuming import refuse_if_missing
from core.texts import harmless
from studio.commands.budget import WORDS, beside, measured_aloud, worded
from studio.open.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.open.stores import add_store_flags, kept_in, open_store
from studio.telling.printing import as_json, console
from widgets.look.language import said
from widgets.look.sides import way_name
from widgets.look.titles import titles_of, use_vocabulary

GOOD = ("finished", "stopped")
SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_OF_ONE_PRESS = 0.5  # a second Ctrl-C within it is the first, sent on by a program in between
STOPPING = "Stopping: the step is finished and a checkpoint saved. Ctrl-C once more leaves at once, without it."


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument(
        "file", nargs="?", help=f"an experiment's file, or an example's name (default: {DEFAULT_EXAMPLE})"
    )
    add_store_flags(parser)
    parser.add_argument("--name", default="", help="a name for the run")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:1")
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="share every batch among N processes, each on a GPU, or all on the CPU",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.SETTING=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument(
        "--place", choices=("thread", "process"), help="train here (thread), or in a process of its own"
    )
    parser.add_argument(
        "--resume", metavar="RUN",
        help="resume a run that was stopped or interrupted; --steps, --device, --processes, --place and --name may be given with it",
    )  # fmt: skip
    parser.add_argument(
        "--stage", type=int, metavar="N",
        help="train only this stage of the recipe (1 is the first), from the last checkpoint of a run of the stage before it",
    )  # fmt: skip
    parser.add_argument("--budget", action="store_true", help="first measure what the run will take, a few seconds")
    parser.add_argument("--data-changed", action="store_true", help="resume although the data is no longer the same")
    parser.add_argument(
        "--unless-trained",
        action="store_true",
        help="where the store has a finished run of this very experiment, show that one",
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines: how it goes, and at the end the result")


def run(flags: argparse.Namespace) -> int:
    """Queue it, run it, show how it goes. 128 + n where signal n ended it; the run is then stopped with a checkpoint.

    A second signal ends the process at once; a run in a process of its own then still saves and stops.
    """
    with open_store(flags) as store:
        library = Library(store)
        library.mark_interrupted()
        if flags.unless_trained and (known := _trained_before(flags, library)) is not None:
            day = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.created))
            print(f"It has been trained: run {known.uid} of {day}. python -m studio run trains it again.")
            report(library, known)
            return 0
        facts = _queued(flags, library) if flags.resume is None else _resumable(flags, library)
        with signals() as caught:
            try:
                status = _train(flags, library, facts, caught)
            except LeftAtOnce:
                _leave_at_once(facts, place_of(library, facts.uid, flags.place or "thread"), caught)
    if caught and status != "finished":
        return 128 + caught[0]
    return 0 if status in GOOD else 1


CANNOT_CHANGE = {"file": "An experiment", "seed": "--seed", "set": "--set", "stage": "--stage"}


def _resumable(flags: argparse.Namespace, library: Library) -> RunFacts:
    """The run to go on with. What cannot be changed on the way is refused by name, never left out in silence."""
    if not flags.resume.strip():
        raise refuse("--resume needs the id or the name of a run.", hint="python -m studio runs lists them.")
    for name, title in CANNOT_CHANGE.items():
        if getattr(flags, name) not in (None, []):
            raise refuse(
                f"{title} cannot be given with --resume: the run is resumed as it was begun.",
                hint="Fork the run in the window to change it, or train the experiment anew.",
            )
    facts = library.find(flags.resume)
    if (refusal := library.owner_refusal(facts.uid)) is not None:
        raise refusal
    refuse_if_missing(library, facts.uid)
    steps = facts.steps if flags.steps is None else flags.steps
    if steps < facts.step:
        raise refuse(f"The run {facts.uid} has trained {facts.step} steps already; --steps is {steps}.")
    change_recipe(library, facts.uid, steps=flags.steps, device=flags.device, processes=flags.processes)
    if flags.name:
        library.rename(facts.uid, flags.name)
    return library.facts(facts.uid)


def _trained_before(flags: argparse.Namespace, library: Library) -> RunFacts | None:
    """The newest finished run of the document as it would be trained now."""
    wanted = dumps(_wanted(flags))
    finished = library.runs(status="finished")
    return next((facts for facts in finished if dumps(loads(library.document_text(facts.uid))) == wanted), None)


def _queued(flags: argparse.Namespace, library: Library) -> RunFacts:
    if flags.data_changed:
        raise refuse("--data-changed goes with --resume.")
    document = _wanted(flags)
    _check(document)
    _foretell(flags, document)
    if flags.stage is not None:
        return queue_stage(library, document, flags.stage - 1, name=flags.name, place=flags.place or "thread")
    return queue(library, document, name=flags.name, place=flags.place or "thread")


def _foretell(flags: argparse.Namespace, document: Document) -> None:
    """Say how long it will take, where it was measured here, or is now."""
    found = measured_aloud(document) if flags.budget else kept_for(document)
    if found is not None:
        foretold = corrected(predict(found, document.recipe), ratios())
        told = ", ".join(f"{WORDS[kind]} {worded(kind, value)}" for kind, value in foretold.items() if value)
        print(f"Predicted: {told}.", file=sys.stderr, flush=True)


def _wanted(flags: argparse.Namespace) -> Document:
    """The document with its flags. Raises Refused for what cannot be set."""
    document = find_document(DEFAULT_EXAMPLE if flags.file is None else flags.file)
    if flags.set:
        document = turned(document, flags.set, full_vocabulary())
    names = ("steps", "seed", "device", "processes")
    fields = {name: getattr(flags, name) for name in names if getattr(flags, name) is not None}
    if problems := problems_with(knobs_of(Recipe), fields):
        raise Refused(*problems)
    return edits.set_recipe(document, **fields)


def _check(document: Document) -> None:
    """Raise Refused before anything is kept where it cannot run here."""
    from core.compiler.compile import analyse, compile  # imports torch, after flags were found good
    from core.training.device import choose_device
    from core.training.processes import device_of

    compile(document)
    analysis = analyse(document, full_vocabulary())
    if errors := [problem for problem in analysis.problems if problem.severity == "error"]:
        raise Refused(*errors)
    choose_device(device_of(document.recipe.device, document.recipe.processes))


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collects SIGINT, SIGTERM and a cluster's warnings inside; whoever waits looks at the list (a handler must not touch the store)."""
    caught: list[int] = []
    last = 0.0

    def catch(number: int, _: object) -> None:
        nonlocal last
        if not caught or time.monotonic() - last > SECONDS_OF_ONE_PRESS:
            caught.append(number)
        last = time.monotonic()

    before = {number: signal.signal(number, catch) for number in STOPS}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class LeftAtOnce(Exception):
    """Asked for a second time: nobody waits for the checkpoint."""


def _leave_at_once(facts: RunFacts, place: str, caught: list[int]) -> NoReturn:
    """End the process without waiting; what was not saved is lost, and the run goes on from its newest checkpoint."""
    lost = "It saves and stops in its own process." if place == "process" else "It resumes from its newest checkpoint"
    more = "" if place == "process" else f": python -m studio run --resume {facts.uid}"
    print(f"Left without waiting. {lost}{more}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(128 + caught[-1])


def _train(flags: argparse.Namespace, library: Library, facts: RunFacts, caught: list[int]) -> str:
    place = place_of(library, facts.uid, flags.place or "thread")
    is_alive, wait = _started(library.store, facts.uid, place, flags.data_changed)

    asked: list[int] = []
    told: list[str] = []

    def stop_if_asked() -> None:
        _stop_at_a_breakpoint(library, facts.uid, told)
        if len(asked) == len(caught):
            return
        if asked:
            raise LeftAtOnce
        asked.extend(caught[:1])
        print(STOPPING, file=sys.stderr, flush=True)
        ask(library.store, facts.uid, "stop")

    try:
        (_say_lines if flags.json else _show_progress)(library.reader(facts.uid), facts, is_alive, stop_if_asked)
    except LeftAtOnce:
        raise
    except BaseException:
        wait()
        raise
    wait()
    library.mark_interrupted()  # a child that was killed says nothing
    ended = library.facts(facts.uid)
    if flags.json:
        print(as_json(summary(library, ended)), flush=True)
    else:
        report(library, ended)
    return ended.status


def _stop_at_a_breakpoint(library: Library, uid: str, told: list[str]) -> None:
    """Where the run paused by itself nobody may be there to go on: it stops with a checkpoint, and says how to go on."""
    now = library.facts(uid)
    if now.status != "paused" or not now.reason or told:
        return
    told.append(now.reason)
    print(
        f"{said(now.reason)} It stops with a checkpoint; go on with: python -m studio run --resume {uid}",
        file=sys.stderr,
        flush=True,
    )
    ask(library.store, uid, "stop")


def _started(store: Store, uid: str, place: str, data_changed: bool) -> tuple[Callable[[], bool], Callable[[], object]]:
    """Whether it lives, and how to wait for its end."""
    if place == "process":
        child = start_process(store, uid, data_changed=data_changed)
        return lambda: child.poll() is None, child.wait
    thread = RunThread(store, uid, data_changed=data_changed)
    thread.start()
    return thread.is_alive, thread.join


def _heads(reader: RunReader, is_alive: Callable[[], bool], look: Callable[[], None]) -> Iterator[Head]:
    """Where the run is, now and then, until it has ended."""
    while True:
        lives = is_alive()
        yield reader.head()
        if not lives:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)
        look()


def _say_lines(reader: RunReader, facts: RunFacts, is_alive: Callable[[], bool], look: Callable[[], None]) -> None:
    shown = -1
    for head in _heads(reader, is_alive, look):
        if head.revision != shown:
            shown = head.revision
            loss = reader.value_at("loss", head.step)
            line = {"run": facts.uid, "status": head.status, "step": head.step, "steps": head.steps}
            print(as_json({**line, "seconds": head.seconds, "loss": loss[1] if loss else None}), flush=True)


def _show_progress(reader: RunReader, facts: RunFacts, is_alive: Callable[[], bool], look: Callable[[], None]) -> None:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    shown = ""
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(harmless(facts.name), total=max(facts.steps, 1), figures="starting")
        for head in _heads(reader, is_alive, look):
            progress.update(task, completed=head.step, figures=_figures(reader, head.step))
            mark = _newest_mark(reader)
            if mark and mark != shown:
                progress.console.print(mark, markup=False)
                shown = mark


def _figures(reader: RunReader, step: int) -> str:
    loss, speed = reader.value_at("loss", step), reader.value_at("throughput", step)
    if loss is None:
        return "starting"
    return f"loss {loss[1]:.3f}" + (f", {speed[1]:,.0f} samples/s" if speed else "")


def _newest_mark(reader: RunReader) -> str:
    marks = [mark for mark in reader.marks() if mark.kind in ("best", "warning", "stage")]
    return f"step {marks[-1].step}: {marks[-1].text}" if marks else ""


SPLITS = {"test": "test", "style": "unseen style", "validation": "validation", "train": "training data"}


def summary(library: Library, facts: RunFacts) -> dict[str, Any]:
    """The run's row with its retrieval scores and, beside each, what chance gives."""
    scores, chance = parted(facts.last)
    series = selecting_series(facts.best)
    return {
        "run": facts.uid, "name": facts.name, "status": facts.status, "reason": facts.reason, "step": facts.step,
        "steps": facts.steps, "seconds": round(facts.seconds, 2), "loss": facts.last.get("loss"),
        "scores": scores, "chance": chance,
        "selected by": {"series": series, "best": best_of([facts.best.get(series)])} if series else None,
        "store": library.store.place, "files": str(library.store.files),
    }  # fmt: skip


def report(library: Library, facts: RunFacts) -> None:
    """What came of it, beside what chance would give."""
    use_vocabulary(cached_vocabulary() or full_vocabulary())
    out = console()
    out.print(f"{harmless(facts.name)} {facts.status} at step {facts.step} after {facts.seconds:.0f} s")
    if facts.reason:
        out.print(said(facts.reason))
    if (chosen := _chosen_by(facts)) is not None:
        out.print(chosen)
    table = score_table(facts.last, str(library.params(facts.uid).get(TEST_HOLDS, "")))
    if table.row_count:
        out.print(f"At the last evaluation, step {facts.step}:" if facts.step else "")
        out.print(table)
    for parts in (
        subset_table(facts.last),
        own_scores(facts.last, titles_of(loads(library.document_text(facts.uid)))),
    ):
        if parts.row_count:
            out.print(parts)
    for line in beside(audit(facts.last)):
        out.print(line)
    out.print(f"Kept in {kept_in(library.store)}, run {facts.uid}")


def _chosen_by(facts: RunFacts) -> str | None:
    """The figure that chooses, at its best and at the end."""
    series = selecting_series(facts.best)
    best, last = best_of([facts.best.get(series)]), best_of([facts.last.get(series)])
    if best is None:
        return None
    split, metric = series.split("/")[1], metric_of(series)
    words = f"Best {Figure(split=split, value=best, metric=metric).words}"
    words += "" if last is None else f", last {Figure(split=split, value=last, metric=metric).number}"
    return f"{words}. {TEST_SELECTS}" if is_test(series) else f"{words}."


def subset_table(last: Mapping[str, float]) -> Table:
    """What is found with some modalities missing: a row for each split and each subset that asks."""
    table = Table(box=None, header_style="dim", pad_edge=False, caption="in brackets: chance", caption_justify="left")
    for title in ("asked with", "split", "R@1", "R@5", "R@10"):
        table.add_column(title, no_wrap=True, justify="right" if title.startswith("R@") else "left")
    for split, title in _splits(last):
        prefix = f"score/{split}/"
        given = {name.removeprefix(prefix).removesuffix("/R@1"): None for name in last if _is(name, prefix, "/R@1")}
        for each in sorted(given, key=lambda words: (words.count("+"), words)):
            table.add_row(way_name(each), title, *_cells(last, f"{prefix}{each}"))
    return table


def _is(name: str, start: str, end: str) -> bool:
    return name.startswith(start) and name.endswith(end) and "/chance " not in name


def own_scores(last: Mapping[str, float], titles: Mapping[str, str]) -> Table:
    """What blocks that ask a question of their own say of their answers, beside chance: a row for each score and split."""
    table = Table(box=None, header_style="dim", pad_edge=False, caption="in brackets: chance", caption_justify="left")
    for title in ("answered by", "split", "score", "value"):
        table.add_column(title, no_wrap=title != "answered by", justify="right" if title == "value" else "left")
    for split, name in _splits(last):
        for series in sorted(last):
            node, _, score = series.removeprefix(f"score/{split}/").rpartition("/")
            if (
                not series.startswith(f"score/{split}/")
                or ("R@" in score and " from " not in score)
                or score.startswith(("chance ", "mean rank"))
            ):
                continue
            values = (last.get(f"score/{split}/{node}/{word}{score}") for word in ("", "chance "))
            right, *chance = (
                _share(value) if score == "accuracy" else f"{value:.{0 if score == EXAMPLES else 3}f}"
                for value in values
                if value is not None
            )
            table.add_row(
                titles.get(node, node.replace("_", " ")), name, score, " ".join([right, *(f"({c})" for c in chance)])
            )
    return table


def _splits(last: Mapping[str, float]) -> list[tuple[str, str]]:
    """Known splits, of several tasks each task's own, with how they are called."""
    kinds = {name.split("/")[1] for name in last if name.startswith(("retrieval/", "score/"))}
    return [
        (name, of_task(title, task) if (task := task_of(name)) else title)
        for split, title in SPLITS.items()
        for name in sorted(kinds)
        if without_task(name) == split
    ]


def _cells(last: Mapping[str, float], stem: str) -> list[str]:
    return [f"{_share(last[f'{stem}/R@{k}'])} ({_share(last[f'{stem}/chance R@{k}'])})" for k in (1, 5, 10)]


def _share(value: float) -> str:
    """``13.7 %``, as everywhere."""
    return f"{100 * value:.1f} %"


def score_table(last: Mapping[str, float], holds: str = "") -> Table:
    """A row for each split and direction, with chance in brackets; within 80 columns."""
    table = Table(box=None, header_style="dim", pad_edge=False, caption="in brackets: chance", caption_justify="left")
    for title in ("retrieval", "direction", "R@1", "R@5", "R@10"):
        table.add_column(title, no_wrap=True, justify="right" if title.startswith("R@") else "left")
    if holds:
        table.caption = f"in brackets: chance; test: {holds}"
    for split, title in _splits(last):
        prefix = f"retrieval/{split}/"
        ways = {name.removeprefix(prefix).rpartition("/")[0]: None for name in last if name.startswith(prefix)}
        for way in sorted(ways):
            table.add_row(title, way_name(way, " to "), *_cells(last, f"{prefix}{way}"))
    return table
