"""Which configurations no other beats in both the metric and a cost: the Pareto front.

A configuration is beaten by one that is at least as good in both and better in one (Deb, *Multi-Objective Optimization using
Evolutionary Algorithms*, 2001, definition 2.5). Means over seeds are compared as they are; how sure a difference is says the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping


def front(points: Mapping[str, tuple[float, float]], direction: str) -> tuple[str, ...]:
    """Names on the front from the cheapest up; ``points`` are (metric, cost), of a cost less is better.

    Of equal ones all are on it. ``direction``: whether ``higher`` or ``lower`` metrics are better.
    """
    sign = 1.0 if direction == "higher" else -1.0
    ranked = sorted(points.items(), key=lambda item: (item[1][1], -sign * item[1][0]))
    found: list[str] = []
    best, at = -float("inf"), float("nan")
    for name, (metric, cost) in ranked:
        if sign * metric > best or (sign * metric == best and cost == at):
            found.append(name)
            best, at = sign * metric, cost
    return tuple(found)
