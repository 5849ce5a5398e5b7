"""What any series of a run is called, in what unit it is, and how its value is written."""

from __future__ import annotations

from collections.abc import Mapping

from core.graph.selection import BETWEEN, task_of, without_task
from widgets.look.figures import figure_name
from widgets.look.language import tr
from widgets.look.sides import metric_words
from widgets.monitors.ranges import compact

UNITS = {"memory": "MiB", "cost/processor seconds": "s", "throughput": "1/s"}  # by series, or by how it begins
SHARES = (
    "accuracy",
    "dropped",
    "kept keys found",
    "clipped",
    "hidden",
    "asked",
    "drawn",
    "use",
    "gradient share",
    "gradient share of block",
)  # parts of one, read as percent


def metric_title(series: str, titles: Mapping[str, str]) -> str:
    """A series in words, with blocks as they are called on the canvas: ``memory · Text transformer``."""
    head, *rest = series.split("/")
    if head in ("retrieval", "score", "selection"):
        return metric_words(series)
    first = tr("accuracy in the batch") if head == "accuracy" else figure_name(head)
    return " · ".join([first, *(_part(part, titles) for part in rest)])


def _part(part: str, titles: Mapping[str, str]) -> str:
    """A block's title, with the number behind it where one block says several; else a word."""
    if task := task_of(part):
        return f"{_part(without_task(part), titles)}{BETWEEN}{tr(task)}"
    node, dot, number = part.partition(".")
    if part in titles or (node in titles and number.isdigit()):
        return titles.get(part) or f"{titles[node]}{dot}{number}"
    return figure_name(part)


def unit_of(series: str) -> str:
    """``MiB``, ``s``, ``%`` ...; empty where it has none."""
    head = series.partition("/")[0]
    parts = series.split("/")
    if "R@" in series or any(share in parts for share in SHARES) or series.endswith("accuracy"):
        return "%"
    return UNITS.get(series) or UNITS.get(head, "")


def written(series: str, value: float) -> str:
    """A value with its unit."""
    unit = unit_of(series)
    if unit == "%":
        return f"{value * 100:.1f} %" if value == value else "NaN"
    return f"{compact(value)} {unit}".rstrip()


def panel_of(series: str) -> tuple[str, str]:
    """What may be drawn on one axis: figures of one unit, and without a unit of one kind."""
    unit = unit_of(series)
    parts = series.split("/")
    return unit, "" if unit else parts[0] + (
        "/" + parts[-1] if parts[0] in ("balance", "similarity", "experts") else ""
    )
