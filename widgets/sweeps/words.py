"""What sweeps say in words: states, the verdict, settings. No Qt here."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.graph.selection import is_test
from core.graph.sweep import DEFAULT_METRIC, Axis, Sweep
from core.runs.growth import written as powers_of
from core.runs.verdict import Table, figure, parts
from core.store.answers import SweepFacts, TrialFacts
from widgets.look import quantities
from widgets.look.figures import figure_name
from widgets.look.language import tr
from widgets.look.sides import metric_words

METRICS = (
    DEFAULT_METRIC, "retrieval/validation/image_to_text/R@1", "retrieval/validation/image_to_text/R@10",
    "retrieval/validation/text_to_image/R@1", "retrieval/validation/text_to_image/R@10", "loss", "throughput", "seconds", "GFLOPs a sample", "TFLOPs", "MiB for backward",
    "gradient/modality/image",
)  # fmt: skip
AGAINST = (
    "GFLOPs a sample",
    "parameters",
    "trained parameters",
    "seconds",
    "MiB for backward",
)  # costs that can be weighed
LOWER_IS_BETTER = ("loss", "seconds", "GFLOPs a sample", "TFLOPs", "MiB for backward")


def verdict_sentence(table: Table) -> str:
    """The verdict in the person's language: the same sentence as :func:`core.runs.verdict.sentence`."""
    fields = dict(parts(table.verdict, table.metric))
    if table.verdict.kind == "counted" and table.verdict.difference is not None:
        fields["by"] = written(abs(table.verdict.difference.mean), table.metric)
    sentences = {
        "better": tr("{first} is better than {second} by {by} [{low}, {high}] ({seeds} seeds)."),
        "worse": tr(
            "Nothing is better than {second}: the next, {first}, is worse by {by} [{low}, {high}] ({seeds} seeds)."
        ),
        "same": tr(
            "{first} and {second} are not distinguishable: the difference is {by} [{low}, {high}] ({seeds} seeds)."
        ),
        "few": tr("{first} differs from {second} by {by} with one seed; how sure that is cannot be said."),
        "counted": tr("{first} and {second} differ by {by}, which is counted and has no chance in it."),
        "alone": tr("Only {first} has a value so far."),
        "nothing": tr("No trial is finished yet."),
    }
    words = [sentences[table.verdict.kind].format(**fields)]
    for one in table.growths:
        title, powers = figure_words(one.cost), powers_of(one)
        words.append(tr("{cost} grows with {axis} to the power of {powers}.", cost=title, axis=one.axis, powers=powers))
    if table.front:
        metric, cost = figure_words(table.metric), figure_words(table.against)
        words.append(tr("No other is better in both {metric} and {cost}: {names}.", metric=metric, cost=cost, names=", ".join(table.front)))  # fmt: skip
    if table.failed:
        words.append(tr("Failed, and not compared: {names}.", names=", ".join(table.failed)))
    if table.shared and table.verdict.kind != "nothing":
        words.append(
            tr(
                "Trials began with weights of others, and so were trained for longer than their steps: train the best ones anew before they are compared."
            )
        )
    if is_test(table.metric) and table.verdict.kind != "nothing":
        words.append(tr("Configurations were chosen on the test split: the winner's score is too good for new data."))
    return " ".join(words)


def short(series: str) -> str:
    """A series in a column's head: ``R@10``, ``gradient · picture``."""
    parts = series.split("/")
    return figure_name(parts[-1]) if parts[0] in ("retrieval", "score", "selection") else figure_words(series)


def figure_words(name: str) -> str:
    """What a metric or a cost is called where there is room for all of it."""
    known = {
        "cost/processor seconds": tr("processor time"), "cost/parameters": tr("parameters"),
        "cost/trained parameters": tr("trained parameters"), "cost/flops": tr("FLOPs per example"),
        "GFLOPs a sample": tr("FLOPs per example"),
    }  # fmt: skip
    return known.get(name) or metric_words(name)


def written(value: float, name: str) -> str:
    """A figure with its unit, the same as everywhere in the window: ``2.8 M``, ``61 s``, ``24 MFLOPs``."""
    if not math.isfinite(value):
        return "–"
    as_quantity: dict[str, Callable[[float], str]] = {
        "seconds": quantities.duration, "cost/processor seconds": quantities.duration, "parameters": quantities.count,
        "trained parameters": quantities.count, "cost/parameters": quantities.count, "cost/flops": quantities.flops,
        "cost/trained parameters": quantities.count, "steps": quantities.count, "samples": quantities.count,
        "GFLOPs a sample": lambda amount: quantities.flops(amount * 1e9),
    }  # fmt: skip
    if name.startswith("memory/"):
        return quantities.mebibytes(value)
    return as_quantity[name](value) if name in as_quantity else figure(value, name)


def state_word(state: str) -> str:
    """A trial's or a sweep's state."""
    words = {
        "queued": tr("waiting"), "running": tr("running"), "finished": tr("finished"), "failed": tr("failed"),
        "skipped": tr("skipped"), "paused": tr("paused"),
    }  # fmt: skip
    return words.get(state, state)


def trial_state(trial: TrialFacts) -> str:
    """How a trial stands, with its step while it is trained."""
    if trial.state == "running" and trial.steps:
        return tr("step {step} of {steps}", step=f"{trial.step:,}", steps=f"{trial.steps:,}")
    if trial.state == "queued" and trial.step:
        return tr("waiting, begun")
    return state_word(trial.state)


def progress(facts: SweepFacts) -> str:
    """How far a sweep has come, in one line."""
    line = tr("{done} of {all} trials", done=facts.done, all=facts.trials)
    failed = facts.counts.get("failed", 0)
    return f"{state_word(facts.state)} · {line}" + (f" · {tr('{n} failed', n=failed)}" if failed else "")


def plan_words(sweep: Sweep, configurations: int, trials: int) -> str:
    """How much a plan is."""
    return tr(
        "{configurations} configurations × {seeds} seeds = {trials} runs",
        configurations=configurations,
        seeds=sweep.seeds,
        trials=trials,
    )


def axis_words(axis: Axis) -> str:
    """What an axis varies."""
    if axis.changes:
        return tr("{n} configurations", n=len(axis.changes))
    return axis.path
