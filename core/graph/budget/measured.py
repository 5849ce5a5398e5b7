"""What two seconds of a run's own steps cost on this machine, as plain values: what a prediction is made from.

Seconds are of the clock, ``processor`` seconds are of all cores of the process together. A mebibyte is 2^20 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.graph.document import Document
from core.graph.subgraphs.flat import flat_document
from core.graph.upstream import experiment_key
from core.problems import refuse

FORMAT = 1
ONLY_COUNTED = {
    "evaluation": ("every", "chosen_by"), "checkpointing": ("every", "last", "best"),
}  # fmt: skip
# callback -> knobs that decide how often something is done, not what it costs


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Time of something that is done."""

    seconds: float = 0.0
    processor: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(seconds=self.seconds + other.seconds, processor=self.processor + other.processor)

    def times(self, count: float) -> Cost:
        """Of doing it so often."""
        return Cost(seconds=self.seconds * count, processor=self.processor * count)

    def less(self, other: Cost) -> Cost:
        """What is left without a part; nothing is negative."""
        return Cost(
            seconds=max(self.seconds - other.seconds, 0.0), processor=max(self.processor - other.processor, 0.0)
        )


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """Training steps of one kind: those of some tasks, in one part of the run."""

    stage: int
    sources: tuple[str, ...]  # whose tasks learn
    weight: float  # of all steps of the run, so large a part is like these
    steps: int  # that were measured
    compute: Cost = Cost()  # of a step, its batch being there
    data: Cost = Cost()  # of making its batch, the first time that its samples are met
    compute_again: Cost = Cost()  # the same where its samples have been met before
    data_again: Cost = Cost()


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """What is done at every n-th step beside training."""

    key: str
    title: str
    every: int  # where the recipe says nothing
    cost: Cost
    bytes: float = 0.0  # kept in the record each time
    at_ends: bool = True  # also at the first and the last step


@dataclass(frozen=True, kw_only=True)
class NodeCost:
    """One block in one pass over a batch, apart from the steps that were timed."""

    node: str
    forward: float = 0.0  # seconds
    backward: float = 0.0
    saved_bytes: int = 0  # kept for the backward pass, each storage once
    samples: int = 0  # in the pass: fewer than a batch where the gradient is made in parts


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All of it. The peak of memory is the process's own; what is loaded before anything is opened is ``base_mebibytes``."""

    key: str  # of the drawing, see :func:`budget_key`
    made: float  # seconds since 1970
    device: str
    threads: int
    overlaps: bool  # whether batches are made while the step before is computed
    base_mebibytes: float
    training_mebibytes: float  # peak after the steps
    peak_mebibytes: float  # peak after evaluation and checkpoint too
    still_to_keep_mebibytes: float  # decoded samples that the run will have in memory and the measurement had not
    gpu_mebibytes: float = 0.0
    preparation: Cost = Cost()  # data opened, weights drawn, what comes before and with the first step
    steps: tuple[StepCost, ...] = ()
    batches: Mapping[str, int] = field(default_factory=dict)  # source -> in an epoch
    evaluation: Cost = Cost()  # whole, one time; nothing where there is none
    evaluation_share: float = 1.0  # of its samples, so large a part was really evaluated
    evaluation_bytes: float = 0.0
    evaluation_every: int = 0  # where the recipe says nothing; 0: none
    periodic: tuple[Periodic, ...] = ()
    checkpoint: Cost = Cost()
    checkpoint_bytes: float = 0.0
    checkpoint_every: int = 0
    checkpoint_last: int = 0
    checkpoint_best: bool = False
    step_bytes: float = 0.0  # kept in the record for each step
    began_bytes: float = 0.0
    nodes: tuple[NodeCost, ...] = ()
    left_out: tuple[str, ...] = ()  # titles of what the run does and was not measured

    @property
    def own_mebibytes(self) -> float:
        """The run's own part of the peak."""
        return max(self.peak_mebibytes - self.base_mebibytes, 0.0) + self.still_to_keep_mebibytes

    def as_json(self) -> dict[str, Any]:
        """Plain data; :meth:`from_json` is the inverse."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measured:
        """What :meth:`as_json` gave. Raises Refused for anything else."""
        try:
            fields = dict(data)
            if fields.pop("format") != FORMAT:
                raise ValueError
            costs = ("preparation", "evaluation", "checkpoint")
            fields.update({name: Cost(**fields[name]) for name in costs})
            fields["steps"] = tuple(_step(one) for one in fields["steps"])
            fields["periodic"] = tuple(Periodic(**{**one, "cost": Cost(**one["cost"])}) for one in fields["periodic"])
            fields["nodes"] = tuple(NodeCost(**one) for one in fields["nodes"])
            fields["left_out"] = tuple(fields["left_out"])
            return cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise refuse(
                "What was measured of this graph cannot be read any more.", hint="Measure it again."
            ) from error


def _step(data: Mapping[str, Any]) -> StepCost:
    costs = {name: Cost(**data[name]) for name in ("compute", "data", "compute_again", "data_again")}
    return StepCost(**{**data, **costs, "sources": tuple(data["sources"])})


def budget_key(document: Document) -> str:
    """Equal for drawings whose steps cost the same: how many there are, and how often they are looked at, is only counted."""
    flat = flat_document(document)
    recipe = flat.recipe
    counted = {
        key: {name: value for name, value in knobs.items() if name not in ONLY_COUNTED.get(key, ())}
        for key, knobs in recipe.callbacks.items()
    }
    looks = {key: {n: v for n, v in knobs.items() if n != "every"} for key, knobs in recipe.diagnostics.items()}
    alike = replace(recipe, steps=1, seed=0, callbacks=counted, diagnostics=looks)
    return hashlib.sha256(experiment_key(replace(flat, recipe=alike)).encode()).hexdigest()[:32]
