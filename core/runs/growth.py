"""How what a sweep costs grows with a setting: the power of the setting that it follows, as the slope of logarithms. numpy only.

Of costs that are counted, not timed, so a seed or a busy machine changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.graph.configurations import BETWEEN, shown
from core.knobs import Value

COUNTED = ("parameters", "trained parameters", "GFLOPs a sample", "TFLOPs", "MiB for backward")
FEWEST = 3  # values of the setting that a slope is told of


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One cost along one axis, for each of the other axes' points."""

    cost: str
    axis: str
    powers: Mapping[str, float]  # the other axes' points -> the slope


def growths(
    costs: Sequence[str], rows: Sequence[tuple[Mapping[str, Value], Mapping[str, float]]]
) -> tuple[Growth, ...]:
    """``rows``: where each configuration lies on the axes, and what it costs. Of axes whose values are numbers above zero."""
    axes = dict.fromkeys(title for at, _ in rows for title in at)
    found = []
    for axis in axes:
        for cost in (name for name in costs if name in COUNTED):
            points: dict[str, dict[float, float]] = {}
            for at, figures in rows:
                value, spent = at.get(axis), figures.get(cost, 0.0)
                if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 and spent > 0:
                    others = BETWEEN.join(_shown(one) for title, one in at.items() if title != axis)
                    points.setdefault(others, {})[float(value)] = spent
            powers = {name: slope(some) for name, some in points.items() if len(some) >= FEWEST}
            if any(abs(power) >= 0.005 for power in powers.values()):
                found.append(Growth(cost=cost, axis=axis, powers=powers))
    return tuple(found)


def slope(points: Mapping[float, float]) -> float:
    """The least-squares slope of log cost over log value."""
    return float(np.polyfit(np.log(list(points)), np.log(list(points.values())), 1)[0])


def written(growth: Growth) -> str:
    """``1.98 (joint), 1.01 (space)``, steepest first; the number alone where nothing else was varied."""
    ranked = sorted(growth.powers.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{power:.2f} ({name})" if name else f"{power:.2f}" for name, power in ranked)


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else shown(value)
