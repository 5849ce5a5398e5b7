"""What a run is chosen by: the split that selects, and the one figure that every choice between models reads.

The best checkpoint, early stopping, sweeps and the library's best all ask here. Held-out data that has selected is held
out no more (Cawley and Talbot, JMLR 2010), so the validation split selects and the test split is only reported. Where the
data has no validation split the test split must do; that is then said wherever the figure stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

SELECTING = ("validation", "test")  # in this order
REPORTED = ("test", "validation")  # where a model is looked at or asked, not chosen
METRIC = "R@10"
STEM = "selection/"  # selection/<split>/R@10: the mean of both directions
BOTH = "mean of both directions"
TEST_HOLDS = "test holds"  # the parameter of a run that says what its test split has that training has not
TEST_SELECTS = (
    "There is no validation split, so the best checkpoint and early stopping are chosen on the test split. "
    "Its scores are then too good for new data."
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value of the figure that selects."""

    split: str
    value: float
    metric: str = METRIC

    @property
    def series(self) -> str:
        """Under which name a run says it."""
        return f"{STEM}{self.split}/{self.metric}"

    @property
    def words(self) -> str:
        """``R@10 on validation (mean of both directions): 13.7 %``."""
        return f"{self.metric} on {self.split} ({BOTH}): {100 * self.value:.1f} %"


def selecting_split(splits: Mapping[str, Sized]) -> str:
    """The split that selects: validation, else test; empty where neither has two samples."""
    return next((name for name in SELECTING if len(splits.get(name, ())) > 1), "")


def reported_split(splits: Mapping[str, Sized]) -> str:
    """The split a model is shown on: test, else validation; empty where neither has two samples."""
    return next((name for name in REPORTED if len(splits.get(name, ())) > 1), "")


def figure_of(split: str, scores: Mapping[str, float], metric: str = METRIC) -> Figure | None:
    """The mean over directions of a split's scores by series (``.../R@10``); None where one is missing or not finite."""
    found = [value for name, value in scores.items() if name.endswith(f"/{metric}")]
    if not found or not all(map(math.isfinite, found)):
        return None
    return Figure(split=split, value=sum(found) / len(found), metric=metric)


def selecting_series(names: Iterable[str]) -> str:
    """Of the series that a run has, the one that it was selected by; empty where it has none."""
    own = {name for name in names if name.startswith(STEM) and name.endswith(f"/{METRIC}")}
    return next((name for split in SELECTING if (name := f"{STEM}{split}/{METRIC}") in own), "")


def is_test(series: str) -> bool:
    """Whether a series was measured on the test split."""
    return series.split("/")[1:2] == ["test"]


def best_of(values: Iterable[float | None], *, higher: bool = True) -> float | None:
    """The best of some values; one that is missing or not finite is never best. None where none is left."""
    found = [value for value in values if value is not None and math.isfinite(value)]
    return (max(found) if higher else min(found)) if found else None
