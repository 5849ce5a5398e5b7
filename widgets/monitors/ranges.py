"""Ranges for axes that change seldom and depend on the data alone, so that live and replay agree to the pixel."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
SMALLEST = 1e-300


def nice_above(value: float) -> float:
    """The next round number at or above a positive value: 1,240 gives 1,500."""
    if not math.isfinite(value) or value <= SMALLEST:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(value))
    return next((step * decade for step in STEPS if step * decade >= value * (1 - 1e-9)), 10 * decade)


def nice_bounds(low: float, high: float) -> tuple[float, float]:
    """Round bounds around an interval; they move in quarters of its size, not with every point."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    if high - low <= max(abs(high), abs(low), SMALLEST) * 1e-9:
        margin = abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = nice_above((high - low) / 5)
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return (bottom, top) if top > bottom else (low, high)


def nice_decades(low: float, high: float) -> tuple[float, float]:
    """Bounds as powers of ten on 1-2-5 steps, for a logarithmic axis; ``low`` and ``high`` are values above zero."""
    if not (low > 0 and math.isfinite(high) and high > 0):
        return -1.0, 1.0
    bottom, top = _step_below(low), _step_below(high)
    if top < high * (1 - 1e-9):
        top = _step_above(high)
    if top <= bottom * (1 + 1e-9):
        bottom, top = bottom / 2, top * 2
    return math.log10(bottom), math.log10(top)


def _step_below(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= value * (1 + 1e-9))


def _step_above(value: float) -> float:
    decade = 10.0 ** math.floor(math.log10(value))
    return next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= value * (1 - 1e-9))


def extent(arrays: Iterable[Floats], *, positive: bool = False) -> tuple[float, float]:
    """Smallest and largest finite value (above zero where ``positive``); NaN twice where there is none."""
    low, high = math.inf, -math.inf
    for array in arrays:
        keep = np.isfinite(array)
        if positive:
            keep &= array > 0
        if keep.any():
            low, high = min(low, float(array[keep].min())), max(high, float(array[keep].max()))
    return (low, high) if high >= low else (math.nan, math.nan)


def logarithm(array: Floats) -> Floats:
    """Base ten; what has no logarithm becomes a gap."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log10(array)
    out[~np.isfinite(out)] = np.nan
    return out


def compact(value: float) -> str:
    """A number as short as it can be read: 1.2M, 3,400, 0.083, 1e-05."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size < 1e-3:
        digits, _, power = f"{value:.3g}".partition("e") if size < 1e-4 else f"{value:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.3g}"
