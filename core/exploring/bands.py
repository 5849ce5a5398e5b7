"""The mean of several curves and how far they lie apart, place by place along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.exploring.views import Spread
from core.runs.verdict import LEVEL, student_quantile

POINTS = 400
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Band:
    """A mean with its band."""

    x: Floats  # [n] on the asked axis
    mean: Floats  # [n]
    low: Floats  # [n]
    high: Floats  # [n]
    runs: int  # how many curves


def band_of(xs: Sequence[Floats], ys: Sequence[Floats], spread: Spread) -> Band | None:
    """Where all curves have values, straight between their points; None where they nowhere overlap, or fewer than two have any.

    ``deviation``: the mean ± the standard deviation (n - 1); ``interval``: its 95 % interval of Student's t; ``range``: from
    the least to the greatest. Values that are not finite are passed over.
    """
    curves = [_finite(x, y) for x, y in zip(xs, ys, strict=True)]
    curves = [(x, y) for x, y in curves if len(x)]
    if len(curves) < 2:
        return None
    first, last = max(float(x[0]) for x, _ in curves), min(float(x[-1]) for x, _ in curves)
    if last < first:
        return None
    every = np.unique(np.concatenate([x for x, _ in curves]))
    inside = every[(every >= first) & (every <= last)]
    x = inside if len(inside) <= POINTS else np.linspace(first, last, POINTS)
    values_RN = np.stack([np.interp(x, *curve) for curve in curves])  # R curves, N places
    mean = values_RN.mean(axis=0)
    if spread == "range":
        return Band(x=x, mean=mean, low=values_RN.min(axis=0), high=values_RN.max(axis=0), runs=len(curves))
    half = values_RN.std(axis=0, ddof=1)
    if spread == "interval":
        half = half * student_quantile(0.5 + LEVEL / 2, len(curves) - 1) / math.sqrt(len(curves))
    return Band(x=x, mean=mean, low=mean - half, high=mean + half, runs=len(curves))


def _finite(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]
