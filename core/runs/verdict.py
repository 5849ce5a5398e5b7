"""What a sweep found out, with intervals: per configuration, and in pairs against the baseline. numpy only.

- A configuration's mean carries the 95 % interval of Student's t over its seeds.
- Configurations are compared in pairs, seed by seed: the mean of the differences with its t interval.
- p values: of the paired t test, and of the sign-flip permutation test (Fisher 1935; exact up to 14 seeds, which are
  2^14 sign patterns, else 20,000 drawn ones). Both are corrected for the number of comparisons by Holm's method (1979).
- *Better* is said where the corrected t test gives p <= 5 %, and the corrected sign-flip test as well as soon as there
  are enough seeds for it to be able to (n seeds cannot give less than 2 / 2^n). Everything else is *not distinguishable*.
- A metric that is counted, such as FLOPs, has no chance in it: its difference is told as it is, and how it grows (:mod:`core.runs.growth`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.graph.configurations import BETWEEN, Configuration, named
from core.graph.selection import is_test
from core.graph.sweep import Sweep
from core.knobs import Value
from core.runs.front import front
from core.runs.growth import COUNTED, Growth, growths, written
from core.store.answers import TrialFacts

LEVEL = 0.95
MOST_EXACT = 14  # seeds
FLIPS = 20_000
COSTS = (
    "seconds", "steps", "samples", "samples a second", "parameters", "trained parameters", "GFLOPs a sample", "TFLOPs",
    "MiB for backward",
)  # fmt: skip
COST_SERIES = ("cost/", "memory/")  # how series begin that say what a run costs

Floats = NDArray[np.float64]
Kind = Literal["better", "worse", "same", "alone", "few", "counted", "nothing"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over seeds with its 95 % interval; with one seed the interval is unknown (NaN)."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class ConfigurationRow:
    """One configuration of the table."""

    configuration: Configuration
    values: Mapping[int, float]  # seed -> metric
    estimate: Estimate | None  # None: no trial is finished
    figures: Mapping[str, Estimate] = field(default_factory=dict)  # what it cost
    states: Mapping[str, int] = field(default_factory=dict)  # trials by state


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A configuration against the baseline, over the seeds that both have. Differences are configuration minus baseline."""

    configuration: str
    difference: Estimate
    p_t: float  # paired t test, Holm-corrected
    p_flip: float  # sign flips, Holm-corrected
    distinguishable: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The sentence in parts: ``first`` against ``second`` by ``difference`` (first minus second)."""

    kind: Kind
    first: str = ""
    second: str = ""
    difference: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Everything that is shown of a sweep's result."""

    metric: str
    direction: str
    baseline: str  # a configuration, or the point of an axis whose configurations are
    rows: tuple[ConfigurationRow, ...] = ()
    bases: Mapping[str, str] = field(default_factory=dict)  # configuration -> the configuration it is compared with
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)  # by configuration
    verdict: Verdict = Verdict(kind="nothing")
    growths: tuple[Growth, ...] = ()  # of the metric and the costs that were asked for
    against: str = ""  # the cost that is weighed; empty: none
    shared: bool = False  # whether trials began with weights of others

    def points(self, cost: str) -> dict[str, tuple[float, float]]:
        """Metric and cost of every configuration that has both."""
        return {
            row.configuration.name: (row.estimate.mean, row.figures[cost].mean)
            for row in self.rows if row.estimate is not None and cost in row.figures
        }  # fmt: skip

    def front_of(self, cost: str) -> tuple[str, ...]:
        """Configurations that no other beats in both the metric and a cost, from the cheapest up."""
        return front(self.points(cost), self.direction)

    @property
    def front(self) -> tuple[str, ...]:
        """The same of the cost that is weighed; empty where none is."""
        return self.front_of(self.against) if self.against else ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Configurations of which a trial failed, in their order: with how many of their seeds where some did not."""
        return tuple(
            row.configuration.name if lost == (of := sum(row.states.values())) else f"{row.configuration.name} ({lost}/{of})"
            for row in self.rows if (lost := row.states.get("failed", 0))
        )  # fmt: skip

    @property
    def figures(self) -> tuple[str, ...]:
        """Costs that stand beside the metric, in order of appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.figures))


def student_cdf(t: float, freedom: int) -> float:
    """P(T <= t) for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    theta = math.atan2(t, math.sqrt(freedom))
    cos, sin = math.cos(theta), math.sin(theta)
    if freedom % 2:
        term, total = cos, 0.0
        for k in range(1, freedom, 2):
            total += term
            term *= cos * cos * (k + 1) / (k + 2)
        inside = 2 / math.pi * (theta + sin * total)
    else:
        term, total = 1.0, 0.0
        for k in range(0, freedom, 2):
            total += term
            term *= cos * cos * (k + 1) / (k + 2)
        inside = sin * total
    return 0.5 + inside / 2


def student_quantile(share: float, freedom: int) -> float:
    """The t below which a share lies; for shares above one half."""
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < share:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def estimate(values: Sequence[float]) -> Estimate | None:
    """Mean and t interval; None without values."""
    found = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    count = len(found)
    if not count:
        return None
    mean = float(found.mean())
    if count == 1:
        return Estimate(mean=mean, low=math.nan, high=math.nan, seeds=1)
    half = student_quantile(0.5 + LEVEL / 2, count - 1) * float(found.std(ddof=1)) / math.sqrt(count)
    return Estimate(mean=mean, low=mean - half, high=mean + half, seeds=count)


def paired_t(differences: Floats) -> float:
    """Two-sided p of the paired t test; 1 where it cannot be asked."""
    count = len(differences)
    if count < 2:
        return 1.0
    spread = float(differences.std(ddof=1)) / math.sqrt(count)
    mean = float(differences.mean())
    if spread == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * (1 - student_cdf(abs(mean) / spread, count - 1))


def sign_flip(differences: Floats) -> float:
    """Two-sided p of the permutation test that flips the signs of paired differences."""
    count = len(differences)
    if count == 0:
        return 1.0
    if count <= MOST_EXACT:
        patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        means = ((1 - 2 * patterns) * differences).mean(axis=1)
        return float(np.mean(np.abs(means) >= abs(differences.mean()) - 1e-12))
    draw = np.random.default_rng(0)
    means = (draw.choice([-1.0, 1.0], size=(FLIPS, count)) * differences).mean(axis=1)
    hits = int(np.sum(np.abs(means) >= abs(differences.mean()) - 1e-12))
    return (hits + 1) / (FLIPS + 1)


def smallest_flip(seeds: int) -> float:
    """The smallest p that the sign-flip test can give."""
    return 2.0 / 2**seeds if 0 < seeds <= MOST_EXACT else 1 / (FLIPS + 1) if seeds else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for their number, in the order given."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected, worst = [1.0] * len(values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = worst
    return corrected


def differences(first: Mapping[int, float], second: Mapping[int, float]) -> Floats:
    """First minus second for the seeds that both have."""
    return np.asarray([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())], dtype=np.float64)


def bases_of(rows: Sequence[ConfigurationRow], baseline: str) -> dict[str, ConfigurationRow]:
    """Which configuration each is compared with: the named one, or the first.

    Where the baseline is a point of one axis ("early"), it is the configuration that differs in that axis alone.
    """
    by_name = {row.configuration.name: row for row in rows}
    parts = {name: name.split(BETWEEN) for name in by_name}
    places = {place for split in parts.values() for place, part in enumerate(split) if part == baseline}
    if baseline in by_name or len(places) != 1:
        return dict.fromkeys(by_name, by_name.get(baseline, rows[0]))
    place = places.pop()
    rivals = {name: BETWEEN.join([*split[:place], baseline, *split[place + 1 :]]) for name, split in parts.items()}
    return {name: by_name[rival] for name, rival in rivals.items() if rival in by_name}


def compare(rows: Sequence[ConfigurationRow], bases: Mapping[str, ConfigurationRow]) -> dict[str, Comparison]:
    """Every other configuration against its baseline, corrected for their number."""
    others = [row for row in rows if bases.get(row.configuration.name, row) is not row]
    pairs = [(row.configuration.name, differences(row.values, bases[row.configuration.name].values)) for row in others]
    asked = [(name, found) for name, found in pairs if len(found)]
    by_t, by_flip = holm([paired_t(found) for _, found in asked]), holm([sign_flip(found) for _, found in asked])
    result = {}
    for (name, found), p_t, p_flip in zip(asked, by_t, by_flip, strict=True):
        able = smallest_flip(len(found)) * len(asked) <= 1 - LEVEL
        said = estimate(found.tolist())
        if said is not None:
            sure = len(found) > 1 and p_t <= 1 - LEVEL and (p_flip <= 1 - LEVEL or not able)
            result[name] = Comparison(configuration=name, difference=said, p_t=p_t, p_flip=p_flip, distinguishable=sure)
    return result


def rows_of(trials: Sequence[TrialFacts]) -> list[ConfigurationRow]:
    """Trials gathered by configuration, in the order in which configurations were queued. Configurations are told apart by their values."""
    by_configuration: dict[str, list[TrialFacts]] = {}
    for trial in sorted(trials, key=lambda one: one.number):
        by_configuration.setdefault(trial.configuration, []).append(trial)
    configurations = named(by_configuration)
    return [_row(configurations[text], found) for text, found in by_configuration.items()]


def _row(configuration: Configuration, trials: Sequence[TrialFacts]) -> ConfigurationRow:
    done = [t for t in trials if t.state == "finished" and t.value is not None and math.isfinite(t.value)]
    values = {trial.seed: trial.value for trial in done if trial.value is not None}
    names = dict.fromkeys(name for trial in done for name in trial.figures)
    figures = {
        name: found
        for name in names
        if (found := estimate([trial.figures[name] for trial in done if name in trial.figures])) is not None
    }
    states: dict[str, int] = {}
    for trial in trials:  # a value that is not finite is none
        state = "failed" if trial.state == "finished" and trial not in done else trial.state
        states[state] = states.get(state, 0) + 1
    return ConfigurationRow(
        configuration=configuration,
        values=values,
        estimate=estimate(list(values.values())),
        figures=figures,
        states=states,
    )


def table(sweep: Sweep, trials: Sequence[TrialFacts]) -> Table:
    """The table of a sweep as far as it has come."""
    rows = rows_of(trials)
    if not rows:
        return Table(metric=sweep.metric, direction=sweep.direction, baseline=sweep.baseline)
    bases = bases_of(rows, sweep.baseline)
    comparisons = compare(rows, bases)
    alike = len({base.configuration.name for base in bases.values()}) == 1
    return Table(
        metric=sweep.metric, direction=sweep.direction, baseline=next(iter(bases.values())).configuration.name if alike else sweep.baseline,
        rows=tuple(rows), bases={name: base.configuration.name for name, base in bases.items()},
        comparisons=comparisons, verdict=_verdict(sweep, rows, bases, comparisons),
        growths=_growths(sweep, rows), against=sweep.against, shared=sweep.share_weights,
    )  # fmt: skip


def _growths(sweep: Sweep, rows: Sequence[ConfigurationRow]) -> tuple[Growth, ...]:
    """How the costs that are asked for grow; a metric that is a cost is one of them."""
    spent = [{name: one.mean for name, one in row.figures.items()} for row in rows]
    for row, figures in zip(rows, spent):
        if row.estimate is not None:
            figures.setdefault(sweep.metric, row.estimate.mean)
    names = dict.fromkeys((sweep.metric, *sweep.costs))
    return growths(list(names), [(row.configuration.at, figures) for row, figures in zip(rows, spent)])


def _verdict(
    sweep: Sweep,
    rows: Sequence[ConfigurationRow],
    bases: Mapping[str, ConfigurationRow],
    found: Mapping[str, Comparison],
) -> Verdict:
    """The configuration that is furthest ahead of its baseline, or where none is ahead, the least behind."""
    done = [row for row in rows if row.estimate is not None]
    if not done:
        return Verdict(kind="nothing")
    sign = 1 if sweep.direction == "higher" else -1
    ranked = sorted(done, key=lambda row: -sign * (row.estimate.mean if row.estimate else 0.0))
    others = [row for row in ranked if row.configuration.name in found]
    if not others:
        return Verdict(kind="alone", first=ranked[0].configuration.name)
    rival = max(others, key=lambda row: sign * found[row.configuration.name].difference.mean)
    comparison = found[rival.configuration.name]
    kind: Kind = "same"
    if sweep.metric in COUNTED:
        kind = "counted"
    elif comparison.difference.seeds < 2:
        kind = "few"
    elif comparison.distinguishable:
        kind = "better" if sign * comparison.difference.mean > 0 else "worse"
    base = bases[rival.configuration.name]
    return Verdict(
        kind=kind, first=rival.configuration.name, second=base.configuration.name, difference=comparison.difference
    )


def figure(value: float, metric: str = "") -> str:
    """A number as the table shows it: shares as per cent, others with four digits."""
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %" if is_share(metric) else f"{value:.4g}"


def saving(found: Table, row: ConfigurationRow, name: str) -> float | None:
    """What a configuration costs more (or less, negative) than the one it is compared with, as a share; None where that says nothing."""
    base = next((one for one in found.rows if one.configuration.name == found.bases.get(row.configuration.name)), row)
    if base is row or (not name.startswith(COST_SERIES) and name not in COSTS):
        return None
    spent, own = base.figures.get(name), row.figures.get(name)
    return own.mean / spent.mean - 1 if spent is not None and own is not None and spent.mean > 0 else None


def cost(found: Table, row: ConfigurationRow, name: str, shown: Callable[[float, str], str] = figure) -> str:
    """A cost as the table shows it, with what is saved against the baseline: ``6.9 (−74 %)``."""
    if name not in row.figures:
        return "–"
    text, share = shown(row.figures[name].mean, name), saving(found, row, name)
    if share is None or abs(share) < 0.005:
        return text
    return f"{text} ({'+' if share > 0 else '−'}{abs(100 * share):.0f} %)"


def gap(value: float, metric: str = "") -> str:
    """A difference as the table shows it: shares differ by percentage points (pp)."""
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} pp" if is_share(metric) else f"{value:.4g}"


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1 and is read in per cent."""
    return "R@" in metric or metric.endswith(("accuracy", "share"))


def parts(verdict: Verdict, metric: str) -> dict[str, Value]:
    """The fields of the sentence."""
    if verdict.difference is None:
        return {"first": verdict.first, "second": verdict.second}
    by, low, high = (verdict.difference.mean, verdict.difference.low, verdict.difference.high)
    if verdict.kind in ("better", "worse", "counted") and by < 0:
        by, low, high = -by, -high, -low
    said = f"{gap(by, metric)} {metric}" if verdict.kind == "counted" else gap(by, metric)
    return {
        "first": verdict.first, "second": verdict.second, "by": said, "low": gap(low, metric),
        "high": gap(high, metric), "seeds": verdict.difference.seeds,
    }  # fmt: skip


SENTENCES: Mapping[Kind, str] = {
    "better": "{first} is better than {second} by {by} [{low}, {high}] ({seeds} seeds).",
    "worse": "Nothing is better than {second}: the next, {first}, is worse by {by} [{low}, {high}] ({seeds} seeds).",
    "same": "{first} and {second} are not distinguishable: the difference is {by} [{low}, {high}] ({seeds} seeds).",
    "few": "{first} differs from {second} by {by} with one seed; how sure that is cannot be said.",
    "counted": "{first} and {second} differ by {by}, which is counted and has no chance in it.",
    "alone": "Only {first} has a value so far.",
    "nothing": "No trial is finished yet.",
}


GROWS = "{cost} grows with {axis} to the power of {powers}."
FRONT = "No other is better in both {metric} and {cost}: {names}."
FAILED = "Failed, and not compared: {names}."
ON_TEST = "Configurations were chosen on the test split: the winner's score is too good for new data."
SHARED_WEIGHTS = "Trials began with weights of others, and so were trained for longer than their steps: train the best ones anew before they are compared."


def sentence(found: Table) -> str:
    """The verdict in words, with the configurations that failed, and what it cannot be trusted for."""
    said = [SENTENCES[found.verdict.kind].format(**parts(found.verdict, found.metric))]
    said += [GROWS.format(cost=one.cost, axis=one.axis, powers=written(one)) for one in found.growths]
    said += [FRONT.format(metric=found.metric, cost=found.against, names=", ".join(found.front))] if found.front else []
    said += [FAILED.format(names=", ".join(found.failed))] if found.failed else []
    said += [SHARED_WEIGHTS] if found.shared and found.verdict.kind != "nothing" else []
    said += [ON_TEST] if is_test(found.metric) and found.verdict.kind != "nothing" else []
    return " ".join(said)
