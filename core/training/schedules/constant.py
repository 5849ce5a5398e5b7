"""The same rate all the way, after a linear warm-up."""

from __future__ import annotations

from core.training.optimization import Schedule, schedules


@schedules.register("constant")
class Constant(Schedule):
    """Up in a line, then level."""

    title = "Warm-up, then constant"

    def after_warm_up(self, share: float) -> float:
        """Always the full rate."""
        return 1.0
