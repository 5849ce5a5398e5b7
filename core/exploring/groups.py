"""Runs gathered by settings, with a figure's mean and spread over seeds, and what a pinned baseline has beside them.

Differences to the baseline are in pairs, seed by seed, and *distinguishable* is what the verdict of a sweep calls so
(:mod:`core.runs.verdict`: paired t and sign flips, corrected by Holm for the number of groups). Of several runs with one
seed the newest counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.exploring.fields import Field, Value
from core.graph.configurations import Configuration
from core.runs.verdict import Comparison, ConfigurationRow, Estimate, compare, estimate
from core.store.answers import RunFacts

MOST_GROUPS = 500
Read = Callable[[Field, RunFacts], Value]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A figure of a group: values by seed, their mean, standard deviation and 95 % interval (Student's t)."""

    values: Mapping[int, float]  # finite ones, by seed
    estimate: Estimate | None  # None: no value
    deviation: float  # with n - 1; NaN below two seeds
    low: float
    high: float  # the least and the greatest
    without: int = 0  # runs that have no value, or one that is not finite


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs that share the values of some settings."""

    key: str  # tells it from other groups
    values: tuple[Value, ...]  # one a setting
    runs: tuple[RunFacts, ...]  # newest first
    scores: Mapping[str, Summary] = field(default_factory=dict)  # by the field's key

    @property
    def seeds(self) -> int:
        """How many different ones."""
        return len({run.seed for run in self.runs})


def grouped(runs: Sequence[RunFacts], by: Sequence[Field], scores: Sequence[Field], read: Read) -> list[Group]:
    """Groups in the order of their values, at most :data:`MOST_GROUPS`; runs are told newest first."""
    found: dict[tuple[Value, ...], list[RunFacts]] = {}
    for run in sorted(runs, key=lambda one: one.created, reverse=True):
        found.setdefault(tuple(read(each, run) for each in by), []).append(run)
    ordered = sorted(found.items(), key=lambda pair: [_rank(value) for value in pair[0]])
    return [
        Group(
            key=repr(values), values=values, runs=tuple(members),
            scores={each.key: summary(members, lambda run, each=each: read(each, run)) for each in scores},  # type: ignore[misc]
        )
        for values, members in ordered[:MOST_GROUPS]
    ]  # fmt: skip


def summary(runs: Sequence[RunFacts], value: Callable[[RunFacts], Value]) -> Summary:
    """A figure over the seeds of runs, of which the first with a value counts for its seed."""
    by_seed: dict[int, float] = {}
    without = 0
    for run in runs:
        found = value(run)
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            without += 1
        else:
            by_seed.setdefault(run.seed, float(found))
    every = list(by_seed.values())
    return Summary(
        values=by_seed, estimate=estimate(every), deviation=float(np.std(every, ddof=1)) if len(every) > 1 else math.nan,
        low=min(every, default=math.nan), high=max(every, default=math.nan), without=without,
    )  # fmt: skip


def against(groups: Sequence[Group], baseline: str, score: str) -> dict[str, Comparison]:
    """Every other group beside the one whose key is ``baseline``, where they share seeds; nothing where that one is gone."""
    rows = {
        group.key: ConfigurationRow(
            configuration=Configuration(name=group.key), values=group.scores[score].values, estimate=group.scores[score].estimate,
        )
        for group in groups if score in group.scores
    }  # fmt: skip
    if baseline not in rows:
        return {}
    return compare(list(rows.values()), dict.fromkeys(rows, rows[baseline]))


def _rank(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (2, 0.0, "")
    if isinstance(value, int | float):
        return (0, -math.inf if value != value else float(value), "")
    return (1, 0.0, str(value))
