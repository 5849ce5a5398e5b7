"""Ends a run when held-out retrieval has not grown for a while (Prechelt 1998)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.knobs import knob
from core.training.habit import Habit, habits

if TYPE_CHECKING:
    from core.training.trainer import Trainer


def held_out_score(run: Trainer) -> float | None:
    """Mean R@10 of both directions on the main held-out split of the last evaluation."""
    found = [value for name, value in run.held_out.get("scores", {}).items() if name.endswith("/R@10")]
    return sum(found) / len(found) if found else None


@habits.register("early_stopping")
class EarlyStopping(Habit):
    """Ends a run when held-out retrieval no longer grows."""

    title = "Early stopping"
    order = 80

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Patience."""

        patience: int = knob(5, "Evaluations without a better score before the run ends.", low=1, high=1000)
        least_gain: float = knob(0.002, "A gain below this counts as none.", low=0, high=1)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.best, self.waited = -1.0, 0

    def evaluated(self, run: Trainer) -> None:
        """Compare with the best so far."""
        score = held_out_score(run)
        if score is None:
            return
        if score > self.best + self.config.least_gain:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited >= self.config.patience and run.is_running:
            run.end(
                "finished", f"stopped early: R@10 has not grown beyond {self.best:.1%} for {self.waited} evaluations"
            )

    def state(self) -> dict[str, Any]:
        """Best score and patience used."""
        return {"best": self.best, "waited": self.waited}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self.best, self.waited = float(state["best"]), int(state["waited"])
