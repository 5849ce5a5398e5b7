"""What a run of an experiment will take: time, memory and disk, from two seconds of its own steps on this machine."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from rich.table import Table

from core.graph.budget.learning import DISK, KINDS, MEMORY, PROCESSOR, SECONDS, Ratios, corrected
from core.graph.budget.measured import Measured
from core.graph.budget.predicting import Budget, predict
from core.graph.document import Document
from core.graph.edits import set_recipe
from core.runs.budget.asking import measured
from core.runs.budget.kept import forget_ratios, kept_for, ratios
from core.runs.vocabulary import cached_vocabulary, full_vocabulary
from studio.open.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.telling.printing import as_json, console
from widgets.look.titles import titles_of, use_vocabulary

PHASES = {
    "opening": "opening the data", "steps": "training steps", "looks": "diagnostics", "evaluation": "one evaluation", "checkpoint": "one checkpoint",
    "blocks": "block by block",
}  # fmt: skip
WORDS = {SECONDS: "time", PROCESSOR: "processor time", MEMORY: "peak memory", DISK: "checkpoints on the disk, at most"}


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", default=DEFAULT_EXAMPLE, help="an experiment's file, or an example's name")
    parser.add_argument("--steps", type=int, help="for another number of steps")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.SETTING=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument("--kept", action="store_true", help="use what was measured before, where there is such")
    parser.add_argument("--forget", action="store_true", help="forget what earlier runs taught about predictions here")
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Measure and tell."""
    if flags.forget:
        forget_ratios()
    document = find_document(flags.file)
    if flags.set:
        document = turned(document, flags.set, full_vocabulary())
    if flags.steps is not None:
        document = set_recipe(document, steps=max(flags.steps, 1))
    found = (kept_for(document) if flags.kept else None) or measured_aloud(document)
    budget, learned = predict(found, document.recipe), ratios()
    if flags.json:
        print(as_json({"predicted": corrected(budget, learned), "budget": asdict(budget), "measured": found.as_json(), "learned": learned.as_json()}, indent=1))  # fmt: skip
        return 0
    report(document, found, budget, learned)
    return 0


def measured_aloud(document: Document) -> Measured:
    """Measure, saying on the error stream what is being done. Raises Refused."""
    seen: list[str] = []

    def told(phase: str) -> None:
        words = PHASES.get(phase, phase)
        if words not in seen:
            seen.append(words)
            print(f"Measuring: {words} …", file=sys.stderr, flush=True)

    return measured(document, told)


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if whole < 120:
        return f"{seconds:.3g} s" if seconds < 10 else f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 7200 else f"{whole // 3600} h {whole // 60 % 60} min"


def size(mebibytes: float) -> str:
    """``310 MiB``, ``2.4 GiB``."""
    return f"{mebibytes:,.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:,.1f} GiB"


def worded(kind: str, value: float) -> str:
    """A number of some kind."""
    return duration(value) if kind in (SECONDS, PROCESSOR) else size(value)


def report(document: Document, found: Measured, budget: Budget, learned: Ratios) -> None:
    """The whole, its parts, and the blocks."""
    use_vocabulary(cached_vocabulary() or full_vocabulary())
    out = console()
    for kind, value in corrected(budget, learned).items():
        factor, count = learned.factor(kind), learned.count(kind)
        told = f" (corrected by {factor:.2f} from {count} runs)" if factor != 1.0 else ""
        out.print(f"{WORDS[kind]}: {worded(kind, value)}{told}")
    out.print(f"of that memory {size(budget.base_mebibytes)} is Python and PyTorch; the record takes about {size(budget.record_mebibytes)} more of the disk")  # fmt: skip
    if budget.gpu_mebibytes:
        out.print(f"peak memory of the GPU: {size(budget.gpu_mebibytes)}")
    parts = Table(box=None, header_style="dim")
    for title in ("part", "times", "each", "in all", "processor"):
        parts.add_column(title, justify="left" if title == "part" else "right")
    for part in budget.parts:
        parts.add_row(part.what, f"{part.count:,.4g}", duration(part.each.seconds), duration(part.whole.seconds), duration(part.whole.processor))  # fmt: skip
    out.print(parts)
    blocks, titles = Table(box=None, header_style="dim"), titles_of(document)
    for title in ("block", "forward", "back", "kept for the backward pass"):
        blocks.add_column(title, justify="left" if title == "block" else "right")
    for node in found.nodes:
        blocks.add_row(titles.get(node.node, node.node), f"{node.forward * 1e3:,.1f} ms", f"{node.backward * 1e3:,.1f} ms", size(node.saved_bytes / 2**20))  # fmt: skip
    out.print(blocks)
    if found.left_out:
        out.print(f"Not in these numbers: {', '.join(found.left_out)}.")


def beside(pairs: dict[str, tuple[float, float]]) -> list[str]:
    """Predicted beside measured, a line for each kind."""
    return [
        f"{WORDS[kind]}: predicted {worded(kind, pairs[kind][0])}, took {worded(kind, pairs[kind][1])} (× {pairs[kind][1] / pairs[kind][0]:.2f})"
        for kind in KINDS
        if kind in pairs
    ]
