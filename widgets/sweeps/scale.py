"""Where a value lies on an axis between 0 and 1: linear, in decades, or one place a name; and which ticks to write."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.graph.configurations import shown
from core.graph.sweep import Axis
from core.knobs import Value
from widgets.sweeps.words import written

MOST_LISTED = 8


@dataclass(frozen=True, kw_only=True)
class Scale:
    """An axis of a picture."""

    title: str
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False
    names: tuple[str, ...] = ()  # not empty: places with names
    listed: tuple[float, ...] = ()  # not empty: the values that were tried, written instead of round ones
    share: bool = False  # read in per cent
    name: str = ""  # of the figure, whose unit is written

    def place(self, value: Value) -> float | None:
        """Between 0 and 1; None where the value is not on this axis."""
        if self.names:
            text = shown(value)
            return (self.names.index(text) + 0.5) / len(self.names) if text in self.names else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        if self.logarithmic:
            if value <= 0:
                return None
            return (math.log(value) - math.log(self.low)) / max(math.log(self.high) - math.log(self.low), 1e-12)
        return (value - self.low) / max(self.high - self.low, 1e-300)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and their words."""
        if self.names:
            return [((index + 0.5) / len(self.names), name) for index, name in enumerate(self.names)]
        if self.listed:
            return [(place, self.word(value)) for value in self.listed if (place := self.place(value)) is not None]
        if self.logarithmic:
            return [
                (place, text)
                for value in self._decades()
                if (place := self.place(value)) is not None
                for text in [self.word(value) if self.name else f"{value:.3g}"]
            ]
        step = _round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        values = [index * step for index in range(first, first + 12) if index * step <= self.high + 1e-9 * step]
        return [(place, self.word(value)) for value in values if (place := self.place(value)) is not None]

    def _decades(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        factors = (1,) if last - first > 3 else (1, 2, 5)
        values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]

    def word(self, value: float) -> str:
        """A value as it stands beside the axis."""
        if self.share or not self.name:
            return f"{100 * value:.3g} %" if self.share else f"{value:.4g}"
        return written(value, self.name)


def _round_step(rough: float) -> float:
    if rough <= 0 or not math.isfinite(rough):
        return 1.0
    power = 10 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999))


def scale_of(axis: Axis, values: Sequence[Value]) -> Scale:
    """The scale of an axis of a sweep with these values on it."""
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if axis.changes or len(numbers) < len(values) or not numbers:
        names = tuple(dict.fromkeys(shown(value) for value in values))
        return Scale(title=axis.title, names=names)
    low, high = min(numbers), max(numbers)
    listed = tuple(sorted(set(numbers))) if axis.values and len(set(numbers)) <= MOST_LISTED else ()
    if axis.is_range:
        low, high = min(low, float(axis.low or low)), max(high, float(axis.high or high))
    wide = low > 0 and high / low >= 20
    logarithmic = (axis.logarithmic or wide) and low > 0 and high > low
    if low == high:
        low, high = low - 0.5, high + 0.5
    return Scale(title=axis.title, low=low, high=high, logarithmic=logarithmic, listed=listed)


def value_scale(title: str, values: Sequence[float], share: bool, name: str = "") -> Scale:
    """The scale of a metric, with some room at both ends."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 0.5
    return Scale(title=title, low=low - room, high=high + room, share=share, name=name)
