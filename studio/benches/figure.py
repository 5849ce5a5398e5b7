"""What a bench says: a number, its unit, and the limit the house has promised for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number. ``most`` and ``least`` are promises; without them it is shown for orientation.

    ``share`` is a promise beside another build (``bench --against``): at most this share of what it needs.
    """

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None
    share: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds; true where there is none."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def wanted(self) -> str:
        """The promise in words."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return "" if self.least is None else f"at least {self.least:g}"
