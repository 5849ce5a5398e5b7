"""One trial: the document that is trained, and what its run gave. Imports torch, for shapes and costs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from core.compiler.compile import analyse, compile
from core.graph import edits
from core.graph.analysis import Analysis
from core.graph.conditions import SAY, STOP
from core.graph.configurations import Configuration, applied, held_equal
from core.graph.document import Document
from core.graph.file import loads
from core.graph.sweep import Sweep
from core.graph.vocabulary import Vocabulary
from core.problems import Refused, refuse
from core.runs.verdict import COST_SERIES, COSTS
from core.store.library import Library
from core.store.reader import RunReader

LAST_SHARE = 0.1  # of a series' points that its value is the mean of: evaluations are few, losses are many and noisy
BACKWARD = 2.0  # a backward pass costs twice the forward pass (arXiv:2001.08361, section 2.1)


def training_flops(analysis: Analysis) -> float:
    """FLOPs of one sample in training: forward, and twice that back through what a gradient flows through."""
    total = 0.0
    for facts in analysis.nodes.values():
        learns = any(port.trained for port in facts.outputs.values()) or facts.trained_parameters > 0
        total += facts.flops * (1 + BACKWARD * learns)
    return total


def trial_document(document: Document, configuration: Configuration, seed: int, words: Vocabulary) -> Document:
    """What is trained for a configuration and a seed. Raises Refused where the configuration cannot be made or run."""
    trial = applied(document, configuration, seed, words)
    if document.sweep is not None and document.sweep.equal == "compute":
        base = training_flops(analyse(replace(document, sweep=None), words))
        trial = held_equal(trial, document, training_flops(analyse(trial, words)), base)
    else:
        trial = held_equal(trial, document, 0.0, 0.0)
    compile(trial, words)
    return _unattended(trial)


def _unattended(trial: Document) -> Document:
    """Nobody waits beside a trial: where it would pause, it only says so."""
    knobs = trial.recipe.callbacks.get("breakpoints")
    if knobs is None or knobs.get("then") == STOP:
        return trial
    return edits.switch(trial, "callbacks", "breakpoints", True, {**knobs, "then": SAY})


def series_value(reader: RunReader, name: str) -> float | None:
    """The mean of the last tenth of a series' points, at least one; None where it was not said or is not finite.

    Of a cost, which grows or stays, it is the last point.
    """
    values = reader.points(name)[1]
    if not len(values):
        return None
    count = 1 if name.startswith(COST_SERIES) else max(1, math.ceil(LAST_SHARE * len(values)))
    value = float(np.mean(values[-count:]))
    return value if math.isfinite(value) else None


def figures_of(library: Library, run: str, sweep: Sweep, words: Vocabulary) -> dict[str, float]:
    """What a run cost, and the series that the sweep wants beside its metric."""
    reader, facts = library.reader(run), library.facts(run)
    samples = float(reader.head().samples)
    analysis = analyse(loads(reader.document_text()), words)
    flops = training_flops(analysis)
    values = (
        facts.seconds, facts.step, samples, samples / facts.seconds if facts.seconds > 0 else math.nan,
        analysis.parameters, analysis.trained_parameters, analysis.flops / 1e9, flops * samples / 1e12,
        sum(node.activation_mebibytes for node in analysis.nodes.values()),
    )  # fmt: skip
    found = dict(zip(COSTS, map(float, values), strict=True))
    for name in (*sweep.costs, *([sweep.against] if sweep.against else [])):
        if name not in found and (value := series_value(reader, name)) is not None:
            found[name] = value
    return found


def outcome(library: Library, run: str, sweep: Sweep, words: Vocabulary) -> tuple[float, dict[str, float]]:
    """The metric and the costs of a finished run. Raises Refused where the run did not say the metric."""
    figures = figures_of(library, run, sweep, words)
    value = figures.get(sweep.metric, series_value(library.reader(run), sweep.metric))
    if value is None or not math.isfinite(value):
        known = [name for name in library.facts(run).last if "chance" not in name]
        raise refuse(
            f"The run ended without a finite value of {sweep.metric!r}.",
            hint=f"It recorded: {', '.join(sorted(known)[:12])}.",
        )
    return value, figures


def base_refusal(document: Document, words: Vocabulary) -> list[str]:
    """Why no trial of a sweep could be made, in sentences; empty where the first configuration would run."""
    try:
        compile(replace(document, sweep=None), words)
    except Refused as refused:
        return [problem.sentence() for problem in refused.problems]
    return []
