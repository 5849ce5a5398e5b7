"""Cosine decay after a linear warm-up (arXiv:1608.03983)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.knobs import knob
from core.training.optimization import Schedule, schedules


@schedules.register("cosine")
class Cosine(Schedule):
    """Up in a line, down along a cosine."""

    title = "Warm-up, then cosine"

    @dataclass(frozen=True, kw_only=True)
    class Config(Schedule.Config):
        """Warm-up and floor."""

        floor: float = knob(0.0, "Rate at the end, relative to the highest.", low=0, high=1)

    def after_warm_up(self, share: float) -> float:
        """``share`` of the way from the end of the warm-up to the end of the run."""
        return float(self.config.floor + (1 - self.config.floor) * 0.5 * (1 + math.cos(math.pi * share)))
