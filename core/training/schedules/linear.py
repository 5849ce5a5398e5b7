"""Linear decay to zero after a linear warm-up."""

from __future__ import annotations

from core.training.optimization import Schedule, schedules


@schedules.register("linear")
class Linear(Schedule):
    """Up in a line, down in a line."""

    title = "Warm-up, then linear"

    def after_warm_up(self, share: float) -> float:
        """From one to zero."""
        return 1.0 - share
