"""A view of the runs with a name: columns, filter, sorting, groups and chart; kept and carried as JSON, checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from core.problems import refuse
from core.store.answers import Axis

FORMAT = "crossmodal-studio views"
MOST_BYTES, MOST_VIEWS, MOST_ITEMS, MOST_LETTERS = 1 << 20, 200, 400, 2000
Spread = Literal["deviation", "interval", "range"]
AXES: tuple[Axis, ...] = ("step", "samples", "seconds", "epoch")
SPREADS: tuple[Spread, ...] = ("deviation", "interval", "range")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Which figures are drawn of the runs, and how."""

    series: tuple[str, ...] = ()
    axis: Axis = "step"
    smoothing: float = 0.8  # weight of the past
    log_x: bool = False
    log_y: bool = False
    spread: Spread = "deviation"  # what a band over seeds shows


@dataclass(frozen=True, kw_only=True)
class View:
    """What a person looks at."""

    name: str = ""
    columns: tuple[str, ...] | None = None  # keys in order; None: the usual ones
    widths: Mapping[str, int] = field(default_factory=dict)  # pixels by key
    filter: str = ""
    words: str = ""
    status: str = ""
    sort: str = "created"
    descending: bool = True
    tree: bool = True
    groups: tuple[str, ...] = ()  # names of settings
    scores: tuple[str, ...] = ()  # keys of the figures that groups tell
    baseline: str = ""  # the key of a group
    grouped: bool = False  # whether groups are looked at
    chart: Chart = field(default_factory=Chart)


def dumped(views: Sequence[View]) -> str:
    """Views as a file; :func:`loaded` is its inverse."""
    return json.dumps(
        {"format": FORMAT, "version": 1, "views": [asdict(view) for view in views]}, indent=1, ensure_ascii=False
    )


def loaded(text: str) -> tuple[View, ...]:
    """The views of a file. Raises Refused for anything else."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise refuse("This file is too large for views.", hint="Choose a file that the studio wrote.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise refuse("This file holds no views.", hint="Choose a file that the studio wrote.") from None
    found = data.get("views") if isinstance(data, dict) and data.get("format") == FORMAT else None
    if not isinstance(found, list) or len(found) > MOST_VIEWS:
        raise refuse("This file holds no views.", hint="Choose a file that the studio wrote.")
    return tuple(_view(each) for each in found)


def _view(data: Any) -> View:
    """One view; a field that is not what it should be is as if it were not there."""
    if not isinstance(data, dict):
        raise refuse("A view in this file is damaged.", hint="Choose a file that the studio wrote.")
    usual = View()
    found: dict[str, Any] = {}
    for each in fields(View):
        value = data.get(each.name)
        if each.name in ("columns", "groups", "scores"):
            found[each.name] = _texts(value) if isinstance(value, list) else getattr(usual, each.name)
        elif each.name == "widths":
            found["widths"] = _widths(value)
        elif each.name == "chart":
            found["chart"] = _chart(value)
        elif isinstance(value, type(getattr(usual, each.name))):
            found[each.name] = value[:MOST_LETTERS] if isinstance(value, str) else value
    return View(**found)


def _texts(value: Sequence[Any]) -> tuple[str, ...]:
    return tuple(each[:MOST_LETTERS] for each in value[:MOST_ITEMS] if isinstance(each, str))


def _widths(value: Any) -> dict[str, int]:
    pairs = list(value.items())[:MOST_ITEMS] if isinstance(value, dict) else []
    return {
        key: min(max(width, 20), 2000) for key, width in pairs if isinstance(width, int) and not isinstance(width, bool)
    }


def _chart(value: Any) -> Chart:
    if not isinstance(value, dict):
        return Chart()
    series, smoothing = value.get("series"), value.get("smoothing")
    is_weight = isinstance(smoothing, int | float) and not isinstance(smoothing, bool) and 0 <= smoothing < 1
    return Chart(
        series=_texts(series) if isinstance(series, list) else (),
        axis=next((axis for axis in AXES if axis == value.get("axis")), "step"),
        smoothing=float(smoothing) if is_weight and smoothing is not None else Chart().smoothing,
        log_x=value.get("log_x") is True, log_y=value.get("log_y") is True,
        spread=next((spread for spread in SPREADS if spread == value.get("spread")), "deviation"),
    )  # fmt: skip
