"""The whole drawing's cost in one line for the status bar, with the time a run would take where an earlier run tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.graph.analysis import Analysis
from core.graph.budget.learning import MEMORY, SECONDS, corrected
from core.graph.budget.measured import Measured
from core.graph.budget.predicting import predict
from core.graph.document import Document
from core.runs.budget.kept import kept_for, ratios
from core.store.answers import RunFacts
from studio.session import Session
from widgets.look import quantities
from widgets.look.language import tr

LEAST_STEPS = 5  # of a run that is measured by: the first ones are slower
MOST_RUNS = 5  # that are looked at
SETTINGS = ("device", "threads", "workers", "processes", "sharded")  # a run with others says nothing about this drawing


def totals(session: Session) -> str:
    """Parameters, FLOPs, memory, and how long; what is waited for while nothing is known of the drawing."""
    analysis = session.analysis
    if analysis is None:
        return why_unchecked(session)
    if not analysis.nodes:
        return ""
    measured = kept_for(session.document)
    if measured is not None:
        return _of_measured(session, analysis, measured)
    parts = [
        tr(
            "{parameters} parameters · {trained} learn · {flops} per example · about {memory} in training",
            parameters=quantities.count(analysis.parameters),
            trained=quantities.count(analysis.trained_parameters),
            flops=quantities.flops(analysis.flops),
            memory=quantities.mebibytes(analysis.mebibytes),
        )
    ]
    if seconds := foretold(session.document, analysis, session.runs, lambda uid: session.library.params(uid)):
        steps = f"{session.document.recipe.steps:,}"
        parts.append(tr("{steps} steps in about {time}", steps=steps, time=quantities.duration(rounded(seconds))))
    return " · ".join(parts)


def _of_measured(session: Session, analysis: Analysis, measured: Measured) -> str:
    """The same where its steps were measured on this machine."""
    recipe, learned = session.document.recipe, ratios()
    foretold = corrected(predict(measured, recipe), learned)
    return tr(
        "{parameters} parameters · {trained} learn · {flops} per example · {memory} at the peak · {steps} steps in about {time}, as measured",
        parameters=quantities.count(analysis.parameters),
        trained=quantities.count(analysis.trained_parameters),
        flops=quantities.flops(analysis.flops),
        memory=quantities.mebibytes(foretold[MEMORY]),
        steps=f"{recipe.steps:,}",
        time=quantities.duration(rounded(foretold[SECONDS])),
    )


def why_unchecked(session: Session) -> str:
    """Why the drawing cannot be run yet."""
    if session.is_engine_ready:
        return tr("The graph is still being checked.")
    return tr("The engine is loading (PyTorch, a few seconds); then the graph is checked.")


def foretold(
    document: Document, analysis: Analysis, runs: Sequence[RunFacts], params: Callable[[str], Mapping[str, Any]]
) -> float | None:
    """Seconds for all steps of the recipe, by the newest run of the same blocks with the same device and threads.

    A step's time is scaled by its work: batch size times FLOPs a sample. None where there is nothing to go by.
    """
    recipe = document.recipe
    same = {key: node.block for key, node in document.nodes.items()} | {k: getattr(recipe, k) for k in SETTINGS}
    alike = [run for run in runs if document.id == run.document_id or document.name == run.document_name]
    for run in sorted(alike, key=lambda run: -run.created)[:MOST_RUNS]:
        work_then = run.last.get("cost/flops", 0.0)
        if run.step - run.parent_step < LEAST_STEPS or not work_then:
            continue
        then = params(run.uid)
        then = {"processes": 1, "sharded": False, **then}  # runs of before there could be several
        if any(then.get(name) != value for name, value in same.items()) or not then.get("batch_size"):
            continue
        work = recipe.batch_size * analysis.flops / (then["batch_size"] * work_then)
        return recipe.steps * work * run.seconds / (run.step - run.parent_step)
    return None


def rounded(seconds: float) -> float:
    """A time as it is foretold: in tens of seconds, minutes, or parts of an hour."""
    if seconds < 90:
        return max(10.0, 10.0 * round(seconds / 10))
    return seconds if seconds < 5400 else 600.0 * round(seconds / 600)
