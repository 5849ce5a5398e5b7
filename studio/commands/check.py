"""Check an experiment without running it: Problems, shapes, parameters, FLOPs."""

from __future__ import annotations

import argparse
import dataclasses

from rich.table import Table

from core.graph.subgraphs.flat import flat_document
from core.texts import harmless
from studio.open.documents import DEFAULT_EXAMPLE, find_document, turned
from studio.telling.printing import as_json, console
from studio.telling.sentences import severity_word, spoken
from widgets.look.language import tr


def describe(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("file", nargs="?", default=DEFAULT_EXAMPLE, help="an experiment's file, or an example's name")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.SETTING=VALUE", help="change a setting; may be repeated"
    )
    parser.add_argument("--json", action="store_true")


def run(flags: argparse.Namespace) -> int:
    """Print what the compiler finds; 1 where something stands against a run."""
    from core.compiler.compile import analyse  # imports torch
    from core.runs.declared import declared_vocabulary
    from core.runs.planning import data_problems, plan_problems

    document = find_document(flags.file)
    words = declared_vocabulary()
    document = turned(document, flags.set, words)
    analysis = analyse(document, words)
    if analysis.is_runnable and (more := [*data_problems(document, words), *plan_problems(document, words)]):
        analysis = dataclasses.replace(analysis, problems=(*analysis.problems, *more))
    if flags.json:
        print(as_json(dataclasses.asdict(analysis), indent=1))
        return 0 if analysis.is_runnable else 1
    table = Table(box=None, header_style="dim")
    for title in ("block", "what", "gives", "parameters", "MFLOPs per example", "MiB saved", "state"):
        table.add_column(title, justify="right" if title.startswith(("p", "M")) else "left")
    for key, facts in (*analysis.nodes.items(), *analysis.wholes.items()):
        gives = "  ".join(f"{port} {shape.concrete}".strip() for port, shape in facts.outputs.items())
        learns = facts.parameters or facts.shared_parameters
        state = "" if not learns else "frozen" if facts.frozen else "trained"
        count = (
            f"as {facts.weights_of}" if facts.shared_parameters else f"{facts.parameters:,}" if facts.parameters else ""
        )
        table.add_row(
            key, "subgraph" if key in analysis.wholes else facts.detail, gives, count,
            f"{facts.flops / 1e6:,.1f}" if facts.flops else "", f"{facts.activation_mebibytes:,.1f}", state,
        )  # fmt: skip
    out = console()
    out.print(table)
    out.print(
        f"{analysis.parameters:,} parameters, {analysis.trained_parameters:,} learn; {analysis.flops / 1e6:,.1f} MFLOPs per example; "
        f"about {analysis.mebibytes:,.0f} MiB in training at batch {document.recipe.batch_size}."
    )
    for spec in (
        words.spec(block) for block in sorted({node.block for node in flat_document(document).nodes.values()})
    ):
        if spec.origin:
            out.print(f"Own block {spec.key}: {harmless(spec.origin)}")
    for problem in analysis.problems:
        out.print(tr("{name}: {text}", name=severity_word(problem), text=spoken(problem)))
    return 0 if analysis.is_runnable else 1
