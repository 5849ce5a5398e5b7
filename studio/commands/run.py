"""Train a document (a file, or an example of the gallery by name) and keep the run in the store."""

from __future__ import annotations

import argparse
import json
import signal
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.graph import edits
from core.runs.launch import queue
from core.runs.vocabulary import full_vocabulary
from core.runs.worker import RunThread, ask, start_process
from core.store.answers import RunFacts
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import ENDED
from studio.documents import DEFAULT_EXAMPLE, find_document, turned

GOOD = ("finished", "stopped")


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", default=DEFAULT_EXAMPLE, help="a document, or an example's name")
    parser.add_argument("--store", default=None, help="where runs are kept (default: your data folder)")
    parser.add_argument("--name", default="", help="a name for the run")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:1")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NODE.KNOB=VALUE", help="turn a knob; may be repeated"
    )
    parser.add_argument("--place", choices=("thread", "process"), default="thread")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped or interrupted")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(flags: argparse.Namespace) -> int:
    """Queue it, run it, show how it goes."""
    with Store.open(flags.store) as store:
        library = Library(store)
        library.mark_interrupted()
        facts = library.find(flags.resume) if flags.resume else _queued(flags, library)
        result = _train(flags, store, library, facts)
    return 0 if result in GOOD else 1


def _queued(flags: argparse.Namespace, library: Library) -> RunFacts:
    document = find_document(flags.file)
    if flags.set:
        document = turned(document, flags.set, full_vocabulary())
    fields = {name: getattr(flags, name) for name in ("steps", "seed", "device") if getattr(flags, name) is not None}
    document = edits.set_recipe(document, **fields)
    _checked(document)
    return queue(library, document, name=flags.name, place=flags.place)


def _checked(document: Any) -> None:
    from core.compiler.compile import compile  # imports torch, after flags were found good

    compile(document)


def _train(flags: argparse.Namespace, store: Store, library: Library, facts: RunFacts) -> str:
    thread: RunThread | None = None
    if flags.place == "process":
        start_process(store, facts.uid)
    else:
        thread = RunThread(store, facts.uid)
        thread.start()
    before = signal.signal(signal.SIGINT, lambda *_: ask(store, facts.uid, "stop"))
    try:
        _follow(library, facts, thread, quiet=flags.json)
    finally:
        signal.signal(signal.SIGINT, before)
        if thread is not None:
            thread.join()
    ended = library.facts(facts.uid)
    if flags.json:
        print(json.dumps(summary(library, ended), ensure_ascii=False, indent=1))
    else:
        report(library, ended)
    return ended.status


def _follow(library: Library, facts: RunFacts, thread: RunThread | None, quiet: bool) -> None:
    reader = library.reader(facts.uid)
    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console, disable=quiet) as progress:
        task = progress.add_task(facts.name, total=max(facts.steps, 1), figures="starting")
        said = ""
        while True:
            head = reader.head()
            progress.update(task, completed=head.step, figures=_figures(reader, head.step))
            best = _best_line(reader)
            if best and best != said and not quiet:
                progress.console.print(best)
                said = best
            if head.status in ENDED or (thread is not None and not thread.is_alive()):
                break
            time.sleep(0.25)


def _figures(reader: RunReader, step: int) -> str:
    loss, speed = reader.value_at("loss", step), reader.value_at("throughput", step)
    if loss is None:
        return "starting"
    return f"loss {loss[1]:.3f}" + (f", {speed[1]:,.0f} samples/s" if speed else "")


def _best_line(reader: RunReader) -> str:
    marks = [mark for mark in reader.marks() if mark.kind in ("best", "warning", "stage")]
    return f"step {marks[-1].step}: {marks[-1].text}" if marks else ""


SPLITS = {
    "test": "unseen concepts",
    "style": "unseen style",
    "validation": "validation",
    "train": "training data (seen)",
}


def summary(library: Library, facts: RunFacts) -> dict[str, Any]:
    """The run's row with its retrieval scores."""
    scores = {name: value for name, value in facts.last.items() if name.startswith("retrieval/")}
    return {
        "run": facts.uid, "name": facts.name, "status": facts.status, "reason": facts.reason, "step": facts.step,
        "seconds": round(facts.seconds, 2), "loss": facts.last.get("loss"), "scores": scores,
        "store": str(library.store.path),
    }  # fmt: skip


def report(library: Library, facts: RunFacts) -> None:
    """What came of it, beside what chance would give."""
    console = Console()
    console.print(
        f"[bold]{facts.name}[/bold] {facts.status} at step {facts.step} after {facts.seconds:.0f} s  (run {facts.uid})"
    )
    if facts.reason:
        console.print(facts.reason, markup=False)
    for line in score_lines(facts.last):
        console.print(line, markup=False)
    console.print(f"Kept in {library.store.path}", markup=False)


def score_lines(last: Any) -> list[str]:
    """``unseen concepts (199 pictures) image to text  R@1 12 % (chance 1 %) ...``."""
    lines = []
    for split, title in SPLITS.items():
        for direction in ("image_to_text", "text_to_image"):
            prefix = f"retrieval/{split}/{direction}/"
            if f"{prefix}R@1" not in last:
                continue
            parts = [
                f"R@{k} {last[f'{prefix}R@{k}']:6.1%} (chance {last[f'{prefix}chance R@{k}']:.1%})" for k in (1, 5, 10)
            ]
            lines.append(f"  {title:<21} {direction.replace('_', ' '):<14} {'   '.join(parts)}")
    return lines
