"""How far predictions of this machine were off, by kind, and the next prediction put right by their median."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from core.graph.budget.predicting import Budget

SECONDS, PROCESSOR, MEMORY, DISK = "seconds", "processor seconds", "mebibytes", "disk mebibytes"
KINDS = (SECONDS, PROCESSOR, MEMORY, DISK)
LEARNED = KINDS[:3]  # the disk's is told as what it may be at most: the best checkpoint may be among the last
PREDICTED, MEASURED = "budget/predicted", "budget/measured"  # how series of a run begin; the kind follows
MOST, FEWEST = 40, 3  # ratios of a kind that are kept, and from which on they correct
WIDEST = 20.0  # what is further off than that was no run of the same thing


@dataclass(frozen=True, kw_only=True)
class Ratios:
    """Measured by predicted, the newest last, for every kind."""

    by_kind: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def learned(self, predicted: Mapping[str, float], measured: Mapping[str, float]) -> Ratios:
        """With one more run; a kind that was not measured, or is no number, is left as it was."""
        found = dict(self.by_kind)
        for kind in LEARNED:
            before, after = predicted.get(kind, 0.0), measured.get(kind, 0.0)
            if before > 0 and after > 0 and math.isfinite(after / before) and 1 / WIDEST < after / before < WIDEST:
                found[kind] = (*found.get(kind, ()), after / before)[-MOST:]
        return Ratios(by_kind=found)

    def factor(self, kind: str) -> float:
        """What a prediction of this kind is multiplied by; 1 until there are a few runs."""
        found = self.by_kind.get(kind, ())
        return median(found) if len(found) >= FEWEST else 1.0

    def count(self, kind: str) -> int:
        """How many runs say so."""
        return len(self.by_kind.get(kind, ()))

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {kind: [round(ratio, 4) for ratio in ratios] for kind, ratios in self.by_kind.items()}

    @classmethod
    def from_json(cls, data: Any) -> Ratios:
        """What :meth:`as_json` gave; of anything else what can be read."""
        found = {}
        for kind, ratios in data.items() if isinstance(data, dict) else ():
            if kind in LEARNED and isinstance(ratios, list):
                numbers = [float(one) for one in ratios if isinstance(one, int | float) and one > 0]
                found[kind] = tuple(numbers[-MOST:])
        return cls(by_kind=found)


def told(budget: Budget) -> dict[str, float]:
    """A prediction by kind, as it was made. On the disk only checkpoints are counted: a store holds records of many runs."""
    whole = budget.whole
    return {
        SECONDS: whole.seconds, PROCESSOR: whole.processor, MEMORY: budget.mebibytes, DISK: budget.checkpoint_mebibytes,
    }  # fmt: skip


def corrected(budget: Budget, ratios: Ratios) -> dict[str, float]:
    """The same, put right by what runs of this machine showed."""
    return {kind: value * ratios.factor(kind) for kind, value in told(budget).items()}


def audit(last: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Of a run's last values: predicted and measured of every kind that has both."""
    pairs = {kind: (last.get(f"{PREDICTED}/{kind}"), last.get(f"{MEASURED}/{kind}")) for kind in KINDS}
    return {kind: (before, after) for kind, (before, after) in pairs.items() if before and after}
