"""The optional ``sweep`` of a document file: read with limits, written without what is at its default."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from core.graph.sweep import (
    DIRECTIONS,
    EQUALS,
    METHODS,
    MOST_AXES,
    MOST_TRIALS,
    MOST_VALUES,
    Axis,
    Change,
    Sweep,
)  # fmt: skip
from core.problems import refuse


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _end(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_VALUES and all(isinstance(one, str) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


_SWEEP: dict[str, Callable[[Any], bool]] = {
    "method": lambda v: v in METHODS, "trials": _whole(1, MOST_TRIALS), "seeds": _whole(1, MOST_TRIALS),
    "metric": _is_text, "direction": lambda v: v in DIRECTIONS, "equal": lambda v: v in EQUALS, "baseline": _is_text,
    "costs": _texts, "against": _is_text, "share_weights": _is_switch,
}  # fmt: skip
_AXIS: dict[str, Callable[[Any], bool]] = {
    "path": _is_text, "name": _is_text, "low": _end, "high": _end, "count": _whole(1, MOST_VALUES),
    "logarithmic": _is_switch, "integer": _is_switch,
    "values": lambda v: isinstance(v, list) and len(v) <= MOST_VALUES and all(map(_plain, v)),
}  # fmt: skip


def sweep_from(raw: Any) -> Sweep | None:
    """A sweep from parsed JSON; None where the document has none. Raises Refused."""
    if raw is None:
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("axes", []), list) or len(raw.get("axes", [])) > MOST_AXES:
        raise refuse('"sweep" must be an object with a list of at most 16 axes.')
    fields = _checked(raw, _SWEEP, "sweep")
    if "costs" in fields:
        fields["costs"] = tuple(fields["costs"])
    sweep = Sweep(
        **fields,
        axes=tuple(_axis(one) for one in raw.get("axes", [])),
        extra={key: value for key, value in raw.items() if key not in (*_SWEEP, "axes")},
    )
    if len({axis.title for axis in sweep.axes}) < len(sweep.axes):
        raise refuse("Two axes of the sweep have the same name.")
    return sweep


def _checked(raw: Mapping[str, Any], known: Mapping[str, Callable[[Any], bool]], where: str) -> dict[str, Any]:
    fields = {name: raw[name] for name in known if name in raw}
    for name, value in fields.items():
        if not known[name](value):
            raise refuse(f'The {where} has "{name}": {str(value)[:60]!r}, which is not valid.')
    return fields


def _axis(raw: Any) -> Axis:
    if not isinstance(raw, dict):
        raise refuse("An axis of the sweep must be an object.")
    fields = _checked(raw, _AXIS, "axis")
    if "values" in fields:
        fields["values"] = tuple(fields["values"])
    changes = raw.get("changes", [])
    if not isinstance(changes, list) or len(changes) > MOST_VALUES:
        raise refuse('"changes" of an axis must be a list of at most 1,000 objects.')
    return Axis(**fields, changes=tuple(_change(one) for one in changes))


def _change(raw: Any) -> Change:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        raise refuse("A change of the sweep must be an object with a name.")
    values = raw.get("values", {})
    if not isinstance(values, dict) or not all(map(_plain, values.values())):
        raise refuse(f"The change {raw['name']!r} must have plain values by path.")
    lists = {side: raw.get(side, []) for side in ("muted", "bypassed")}
    if not all(map(_texts, lists.values())):
        raise refuse(f"The change {raw['name']!r} must name its nodes in lists.")
    return Change(name=raw["name"], values=values, **{side: tuple(nodes) for side, nodes in lists.items()})


def sweep_data(sweep: Sweep) -> dict[str, Any]:
    """Plain JSON data; :func:`sweep_from` is its inverse."""
    plain = Sweep()
    fields = {name: getattr(sweep, name) for name in _SWEEP if getattr(sweep, name) != getattr(plain, name)}
    if "costs" in fields:
        fields["costs"] = list(fields["costs"])
    return {"axes": [_axis_data(axis) for axis in sweep.axes], **fields, **sweep.extra}


def _axis_data(axis: Axis) -> dict[str, Any]:
    plain = Axis()
    data = {name: getattr(axis, name) for name in _AXIS if getattr(axis, name) != getattr(plain, name)}
    if "values" in data:
        data["values"] = list(data["values"])
    if axis.changes:
        data["changes"] = [_change_data(change) for change in axis.changes]
    return data


def _change_data(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"name": change.name}
    for field in dataclasses.fields(change):
        value = getattr(change, field.name)
        if field.name != "name" and value:
            data[field.name] = dict(value) if isinstance(value, Mapping) else list(value)
    return data
