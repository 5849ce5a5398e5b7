"""From a sweep to its configurations, and from a configuration and a seed to the document that is trained.

A grid takes every combination, in the order of the axes; a random search draws (Bergstra and Bengio, JMLR 2012), the
same configurations for the same recipe seed. A Bayesian search is told what came of the configurations before (:mod:`core.runs.proposing`).
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.graph import edits
from core.graph.document import Document
from core.graph.paths import knob_at, placed
from core.graph.sweep import MOST_TRIALS, Axis, Change, Sweep
from core.graph.upgrades.v1 import paths
from core.graph.vocabulary import Vocabulary
from core.knobs import Value
from core.problems import Fix, Problem, Refused, refuse

BETWEEN = " · "  # between the parts of a configuration's name, one an axis
LONGEST_NUMBER = 12  # letters of a value that is shown in full
NARROW = 1e-3  # a range whose ends differ by less than this share is not rounded
KEEPING = "checkpointing"  # the callback that keeps weights
MOST_DRAWS = 50  # for a configuration that was not there yet, before a random search is said to be exhausted


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One setting of everything that is varied; trained once for every seed."""

    name: str
    at: Mapping[str, Value] = field(default_factory=dict)  # axis title -> its value, or the name of its change
    values: Mapping[str, Value] = field(default_factory=dict)  # path -> value
    muted: tuple[str, ...] = ()
    bypassed: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Text that is equal for equal configurations."""
        data = {"name": self.name, "at": dict(self.at), "values": dict(self.values),
                "muted": list(self.muted), "bypassed": list(self.bypassed)}  # fmt: skip
        return json.dumps(data, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Configuration:
        """What :meth:`as_json` wrote, also before version 2; a configuration that cannot be read keeps its text as its name."""
        try:
            raw = json.loads(text)
            return cls(
                name=str(raw["name"]), at=dict(raw["at"]), values=paths(raw["values"]),
                muted=tuple(raw["muted"]), bypassed=tuple(raw["bypassed"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            return cls(name=text[:80])


def identity(value: Value) -> tuple[str, Value]:
    """What tells values apart: 1, 1.0, true and "1" are four."""
    return type(value).__name__, value


def shown(value: Value) -> str:
    """A value as people write it: six digits, more where fewer would name another number (0.9999999 is not 1)."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        text = f"{value:.6g}"
        exact = math.isclose(float(text), value, rel_tol=1e-9)
        return text if exact or len(repr(value)) > LONGEST_NUMBER else repr(value)
    return "auto" if value is None else str(value)


def part_name(axis: Axis, point: Value | Change) -> str:
    """What a point of an axis is called in a configuration's name; no two points of an axis are called the same."""
    if isinstance(point, Change):
        return point.name
    text = shown(point)
    others = [] if axis.is_range else [value for value in axis.values if identity(value) != identity(point)]
    if any(" ".join(shown(other).split()) == " ".join(text.split()) for other in others):
        text = repr(point) if isinstance(point, float | str) else text
    return f"{axis.title} {text}"


def named(texts: Iterable[str]) -> dict[str, Configuration]:
    """Configurations by their JSON, with names that tell them apart even where they were queued under one name."""
    found = {text: Configuration.from_json(text) for text in texts}
    taken: dict[str, int] = {}
    for configuration in found.values():
        taken[configuration.name] = taken.get(configuration.name, 0) + 1
    for text, configuration in found.items():
        if taken[configuration.name] > 1:
            at = BETWEEN.join(f"{title} {value!r}" for title, value in configuration.at.items())
            found[text] = replace(configuration, name=at or f"{configuration.name} {list(found).index(text) + 1}")
    return found


def grid_points(axis: Axis) -> list[Value] | list[Change]:
    """Where a grid stands on an axis."""
    if axis.changes:
        return list(axis.changes)
    if not axis.is_range:
        return [value for _, value in dict.fromkeys(map(identity, axis.values))]
    shares = [index / max(1, axis.count - 1) for index in range(axis.count)]
    return list(dict.fromkeys(point_at(axis, share) for share in shares))


def point_at(axis: Axis, share: float) -> Value:
    """A place between the ends of a range: 0 is the low one, 1 the high one."""
    low, high = float(axis.low or 0.0), float(axis.high or 0.0)
    if axis.logarithmic:
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    value = min(max(value, min(low, high)), max(low, high))
    if axis.integer:
        return round(value)
    short = float(f"{value:.6g}")
    return short if abs(high - low) > NARROW * max(abs(high), abs(low)) else value


def configuration_of(axes: Sequence[Axis], points: Sequence[Value | Change]) -> Configuration:
    """The configuration at one point of every axis."""
    at: dict[str, Value] = {}
    values: dict[str, Value] = {}
    muted: list[str] = []
    bypassed: list[str] = []
    for axis, point in zip(axes, points, strict=True):
        if isinstance(point, Change):
            at[axis.title] = point.name
            values.update(point.values)
            muted += point.muted
            bypassed += point.bypassed
        else:
            at[axis.title] = values[axis.path] = point
    names = [part_name(axis, point) for axis, point in zip(axes, points)]
    return Configuration(name=BETWEEN.join(names), at=at, values=values, muted=tuple(muted), bypassed=tuple(bypassed))


def grid_configurations(sweep: Sweep) -> list[Configuration]:
    """Every combination. Raises Refused where there are too many."""
    counts = [len(grid_points(axis)) for axis in sweep.axes]
    if math.prod(counts) * sweep.seeds > MOST_TRIALS:
        raise refuse(
            f"{math.prod(counts):,} configurations with {sweep.seeds} seeds are more than {MOST_TRIALS:,} trials.",
            hint="List fewer values, or search at random.",
        )
    combinations = itertools.product(*(grid_points(axis) for axis in sweep.axes))
    return [configuration_of(sweep.axes, points) for points in combinations]


def random_configurations(sweep: Sweep, seed: int) -> list[Configuration]:
    """So many different configurations as the sweep wants, or as there are."""
    draw = random.Random(seed)
    found: dict[str, Configuration] = {}
    for _ in range(sweep.trials * MOST_DRAWS):
        if len(found) >= sweep.trials:
            break
        configuration = configuration_of(sweep.axes, [_drawn(axis, draw) for axis in sweep.axes])
        found.setdefault(configuration.as_json(), configuration)
    return list(found.values())


def _drawn(axis: Axis, draw: random.Random) -> Value | Change:
    return point_at(axis, draw.random()) if axis.is_range else draw.choice(list(grid_points(axis)))


def seeds_of(document: Document) -> list[int]:
    """The seeds that every configuration is trained with: the recipe's and those after it."""
    count = document.sweep.seeds if document.sweep else 1
    return [(document.recipe.seed + index) % 2**31 for index in range(count)]


def trial_count(sweep: Sweep) -> tuple[int, int]:
    """Configurations and trials; a search may end with fewer configurations where there are not as many."""
    configurations = math.prod(len(grid_points(axis)) for axis in sweep.axes)
    if sweep.method != "grid":
        configurations = (
            sweep.trials if any(axis.is_range for axis in sweep.axes) else min(sweep.trials, configurations)
        )
    return configurations, configurations * sweep.seeds


def applied(document: Document, configuration: Configuration, seed: int, words: Vocabulary) -> Document:
    """The document of one trial: the configuration's changes, its seed, no sweep. Raises Refused where a setting is gone."""
    trial = replace(document, sweep=None)
    for path, value in configuration.values.items():
        trial = placed(trial, path, value, words)
    if gone := [node for node in (*configuration.muted, *configuration.bypassed) if node not in trial.nodes]:
        raise refuse(f"The sweep names the block {gone[0]!r}, which is not in the document.")
    trial = edits.change_nodes(trial, configuration.muted, muted=True)
    trial = edits.change_nodes(trial, configuration.bypassed, bypassed=True)
    return edits.set_recipe(trial, seed=seed)


def held_equal(document: Document, base: Document, compute: float, base_compute: float) -> Document:
    """The trial with as many steps as make it equal to the base document in what the sweep holds equal.

    ``compute`` is the training cost of one sample (FLOPs). Steps are rounded; at least one is left.
    """
    equal = base.sweep.equal if base.sweep else "steps"
    if equal == "steps":
        return document
    samples = float(base.recipe.steps * base.recipe.batch_size)
    if equal == "compute" and compute > 0 and base_compute > 0:
        samples = samples * base_compute / compute
    return edits.set_recipe(document, steps=max(1, round(samples / document.recipe.batch_size)))


def sweep_problems(document: Document, words: Vocabulary) -> list[Problem]:
    """What stands against the sweep, though not against a single run: settings and blocks that are gone, bad values."""
    sweep = document.sweep
    if sweep is None:
        return []
    found = [problem for axis in sweep.axes for problem in _axis_problems(document, axis, words)]
    if not sweep.axes:
        found.append(
            Problem(
                what="The sweep varies nothing.",
                hint="Right-click a setting and choose Sweep this setting.",
                severity="warning",
            )
        )
    elif not found and trial_count(sweep)[1] > MOST_TRIALS:
        found.append(
            _warn(f"The sweep has {trial_count(sweep)[1]:,} trials.", "10,000 is the most; list fewer values.")
        )
    if sweep.share_weights and KEEPING not in document.recipe.callbacks:
        found.append(
            Problem(
                what="Trials share weights through their checkpoints, and this experiment keeps none.",
                hint="Switch on Checkpoints among the training options, or let every trial begin anew.", severity="warning",
            )
        )  # fmt: skip
    if sweep.equal == "steps" or found:
        return found
    varied = {path for axis in sweep.axes for path in (axis.path, *(p for c in axis.changes for p in c.values))}
    if "recipe.steps" in varied:
        found.append(
            Problem(
                what="The sweep varies the steps and holds something else equal, which sets the steps.",
                hint="Hold steps equal.", severity="warning",
            )
        )  # fmt: skip
    return found


def _axis_problems(document: Document, axis: Axis, words: Vocabulary) -> list[Problem]:
    remedy = Fix(text="Take it out of the sweep", edit="drop_axis", arguments={"title": axis.title})
    reasons: list[tuple[str, str]] = []
    if axis.changes:
        for change in axis.changes:
            reasons += _change_reasons(document, change, words)
        if len({change.name for change in axis.changes}) < len(axis.changes):
            reasons.append((f"Two configurations of {axis.title!r} have the same name.", "Rename one."))
    elif not axis.values and not axis.is_range:
        reasons.append((f"The sweep lists no values for {axis.title}.", "List some, or give a low and a high end."))
    else:
        reasons += _value_reasons(document, axis, words)
    return [
        Problem(what=what, hint=hint, severity="warning", fix=remedy)
        for what, hint in dict.fromkeys(reasons)
    ]  # fmt: skip


def _value_reasons(document: Document, axis: Axis, words: Vocabulary) -> list[tuple[str, str]]:
    try:
        knob = knob_at(document, axis.path, words)
    except Refused as refused:
        return [(f"The sweep varies {axis.path}, which is gone: {refused.problems[0].what}", refused.problems[0].hint)]
    if axis.is_range:
        if knob.kind not in ("integer", "number"):
            return [(f"{knob.title} has no range to sweep.", "List its values.")]
        low, high = float(axis.low or 0.0), float(axis.high or 0.0)
        if low >= high or (axis.logarithmic and low <= 0):
            return [
                (
                    f"The range of {axis.title} runs from {low:g} to {high:g}.",
                    "The low end comes first; in decades it must be above 0.",
                )
            ]
        if knob.kind == "integer" and not axis.integer:
            return [(f"{knob.title} takes whole numbers.", "Sweep it over whole numbers.")]
    points: list[Any] = list(grid_points(axis))
    return [(reason, "") for point in points if (reason := _cannot(knob, point))]


def _cannot(knob: Any, value: Value) -> str:
    if knob.kind == "number" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return str(knob.problem_with(value))


def _change_reasons(document: Document, change: Change, words: Vocabulary) -> list[tuple[str, str]]:
    try:
        applied(
            document,
            Configuration(name="", values=change.values, muted=change.muted, bypassed=change.bypassed),
            0,
            words,
        )
    except Refused as refused:
        first = refused.problems[0]
        return [(f"The configuration {change.name!r} cannot be made: {first.what}", first.hint)]
    return []


def _warn(what: str, hint: str) -> Problem:
    return Problem(what=what, hint=hint, severity="warning")
