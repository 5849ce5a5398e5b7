"""What a sweep varies and how it is judged: a frozen value beside the recipe. :mod:`core.graph.configurations` carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from core.graph.selection import SELECTING, Figure
from core.knobs import Value

Method = Literal["grid", "random", "bayesian"]
Direction = Literal["higher", "lower"]
Equal = Literal["steps", "samples", "compute"]

METHODS: tuple[Method, ...] = ("grid", "random", "bayesian")
DIRECTIONS: tuple[Direction, ...] = ("higher", "lower")
EQUALS: tuple[Equal, ...] = ("steps", "samples", "compute")
MOST_TRIALS = 10_000  # configurations times seeds
MOST_AXES, MOST_VALUES = 16, 1000
DEFAULT_METRIC = Figure(split=SELECTING[0], value=0.0).series  # what chooses checkpoints chooses configurations


@dataclass(frozen=True, kw_only=True)
class Change:
    """Several changes under one name: "SDPA + bf16 + checkpointing", "without the queue"."""

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)  # path -> value, see core.graph.configurations
    muted: tuple[str, ...] = ()  # nodes
    bypassed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing that is varied: a setting over listed values or over a range, or a list of named changes."""

    path: str = ""  # "vit.width", "recipe.learning_rate", "callbacks.ema.decay"; empty where there are changes
    name: str = ""  # what people call it; empty: the path
    values: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    count: int = 5  # points of a grid between low and high
    logarithmic: bool = False
    integer: bool = False
    changes: tuple[Change, ...] = ()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.path

    @property
    def is_range(self) -> bool:
        """Whether any value between two ends may be taken."""
        return not self.values and not self.changes and self.low is not None and self.high is not None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The plan of a sweep. ``trials`` counts configurations of a random or Bayesian search; a grid takes every combination."""

    axes: tuple[Axis, ...] = ()
    method: Method = "grid"
    trials: int = 20
    seeds: int = (
        3  # every configuration is trained with the same seeds, so that configurations can be compared in pairs
    )
    metric: str = DEFAULT_METRIC  # a series of the run or one of its costs
    direction: Direction = "higher"
    equal: Equal = "steps"  # what is held equal between configurations
    # The configuration that others are compared with; empty: the first. A point of one axis: each with the configuration that differs in that.
    baseline: str = ""
    costs: tuple[str, ...] = ()  # further series that stand in the table
    against: str = (
        ""  # a cost that is weighed beside the metric: what no other beats in both is searched for; empty: none
    )
    share_weights: bool = (
        False  # whether the parts that a trial has in common with an earlier one begin with its weights
    )
    extra: Mapping[str, Any] = field(default_factory=dict)  # fields this version does not know; kept

    def with_axis(self, axis: Axis) -> Sweep:
        """With an axis more, or changed where one of this path is there."""
        kept = tuple(axis if old.title == axis.title else old for old in self.axes)
        return replace(self, axes=kept if axis in kept else (*self.axes, axis))

    def without_axis(self, title: str) -> Sweep:
        """With an axis less."""
        return replace(self, axes=tuple(axis for axis in self.axes if axis.title != title))
