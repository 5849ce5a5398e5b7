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
EXAMPLES = "examples"  # beside scores: how many samples they stand on, N
LOWER_IS_BETTER = ("loss", "off", "rank", "error", "perplexity", "distance", "gap", "FID", "KID", "rFID")
TEST_HOLDS = "test holds"  # the parameter of a run that says what its test split has that training has not
TEST_SELECTS = (
    "There is no validation split, so the best checkpoint and early stopping are chosen on the test split. "
    "Its scores are then too good for new data."
)


BETWEEN = (
    " · "  # between a split or an objective and the task it is of, where a run has several: ``test · Emoji pairs``
)
OF_TASKS = "mean over tasks"


def of_task(name: str, task: str) -> str:
    """A part of a series' name with the task it is told of."""
    return f"{name}{BETWEEN}{task}"


def without_task(name: str) -> str:
    """The split or the objective alone."""
    return name.partition(BETWEEN)[0]


def task_of(name: str) -> str:
    """The task alone; empty where a run has one."""
    return name.partition(BETWEEN)[2]


def is_lower_better(series: str) -> bool:
    """Whether of a series' values the lowest is the best, by its last word: perplexity, error, FID."""
    words = series.split("/")
    return words[0] == "loss" or (words[-1] != "effective rank" and words[-1].split(" ")[-1] in LOWER_IS_BETTER)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value of the figure that selects; of a run with several tasks it is said ``of`` which.

    ``metric`` is ``R@10``, or a score as its objective or block says it: ``reconstruction/PSNR``.
    """

    split: str
    value: float
    metric: str = METRIC
    of: str = ""

    def is_better_than(self, best: float | None, by: float = 0.0) -> bool:
        """Than the best so far, if there is one, by more than ``by``."""
        if best is None:
            return True
        return self.value < best - by if is_lower_better(self.metric) else self.value > best + by

    @property
    def number(self) -> str:
        """The value as a person reads it: ``13.7 %``, ``22.8``."""
        is_share = self.metric.rpartition("/")[2].startswith(("R@", "accuracy"))
        return f"{100 * self.value:.1f} %" if is_share else f"{self.value:.4g}"

    @property
    def series(self) -> str:
        """Under which name a run says it."""
        return f"{STEM}{self.split}/{self.metric}"

    @property
    def words(self) -> str:
        """``R@10 on validation (mean of both directions): 13.7 %``."""
        return f"{self.what}: {self.number}"

    @property
    def what(self) -> str:
        """Which figure it is: ``R@10 on validation (mean of both directions, mean over tasks)``."""
        return f"{self.metric.rpartition('/')[2]} on {self.split} ({self._of})"

    @property
    def _of(self) -> str:
        node = self.metric.rpartition("/")[0]
        if node:
            return f"{node}, {self.of}" if self.of else node
        return f"mean of both directions, {self.of}" if self.of else BOTH


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


def score_of(split: str, named: str, scores: Mapping[str, float], metric: str, of: str = "") -> Figure | None:
    """A held-out score (``score/<split>/<metric>``) as what a run is chosen by; None where it is missing or not finite.

    ``named``: the split as series say it, with its task where there are several.
    """
    value = scores.get(f"score/{named}/{metric}")
    return None if value is None or not math.isfinite(value) else Figure(split=split, value=value, metric=metric, of=of)


def chosen_figure(figures: Mapping[str, Figure | None], selects: str, titles: Mapping[str, str]) -> Figure | None:
    """What a run with several tasks is chosen by: the named task's figure, else the mean over all tasks.

    Both mappings are by source. None where one that counts is missing; it is a test figure as soon as one of them is.
    """
    counted = {key: figure for key, figure in figures.items() if key == selects} or dict(figures)
    found = [figure for figure in counted.values() if figure is not None]
    if len(found) < len(counted) or not found:
        return None
    split = next((figure.split for figure in found if figure.split != SELECTING[0]), SELECTING[0])
    of = titles[selects] if selects in counted else OF_TASKS
    return Figure(split=split, value=sum(figure.value for figure in found) / len(found), metric=found[0].metric, of=of)


def selecting_series(names: Iterable[str]) -> str:
    """Of the series that a run has, the one that it was selected by: R@10, else another score; empty where it has none."""
    own = sorted(name for name in names if name.startswith(STEM))
    of_all = (name for split in SELECTING for name in own if name == f"{STEM}{split}/{METRIC}")
    others = (name for split in SELECTING for name in own if name.startswith(f"{STEM}{split}/") and name.count("/") > 2)
    return next(of_all, next(others, ""))


def metric_of(series: str) -> str:
    """What a series of :class:`Figure` is of: ``R@10``, ``reconstruction/PSNR``."""
    return series.removeprefix(STEM).partition("/")[2]


def is_test(series: str) -> bool:
    """Whether a series was measured on the test split."""
    return [without_task(part) for part in series.split("/")[1:2]] == ["test"]


def best_of(values: Iterable[float | None], *, higher: bool = True) -> float | None:
    """The best of some values; one that is missing or not finite is never best. None where none is left."""
    found = [value for value in values if value is not None and math.isfinite(value)]
    return (max(found) if higher else min(found)) if found else None


def parted(last: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Held-out scores by series, and what chance gives, by the same names."""
    found = {name: value for name, value in last.items() if name.startswith(("retrieval/", "score/"))}
    scores = {name: value for name, value in found.items() if "/chance " not in name}
    return scores, {name.replace("/chance ", "/"): value for name, value in found.items() if "/chance " in name}
