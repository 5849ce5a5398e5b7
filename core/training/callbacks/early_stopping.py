"""Ends a run when retrieval on the split that selects has not grown for a while (Prechelt 1998).

What is compared is the one figure of :mod:`core.graph.selection`: R@10, the mean of both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.graph.selection import METRIC, Figure
from core.knobs import knob
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("early_stopping")
class EarlyStopping(Callback):
    """Ends a run when held-out retrieval no longer grows."""

    title = "Early stopping"
    order = 80
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Patience."""

        patience: int = knob(5, "Evaluations without a better score before the run ends.", low=1, high=1000)
        least_gain: float = knob(0.002, "A gain below this counts as none.", low=0, high=1)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.best, self.waited = -1.0, 0
        self._split, self._of = "", ""

    def evaluated(self, run: Running) -> None:
        """Compare with the best so far. An evaluation without a finite score is one without a better score."""
        if not run.chosen_by:
            return
        found = run.figure
        self._split = found.split if found is not None else next(iter(run.chosen_by.values()))["plain split"]
        self._of = found.of if found is not None else self._of
        if found is not None and found.value > self.best + self.config.least_gain:
            self.best, self.waited = found.value, 0
            return
        self.waited += 1
        if self.waited >= self.config.patience and run.is_running:
            run.end("finished", self._sentence())

    def _sentence(self) -> str:
        if self.best < 0:
            return f"stopped early: {METRIC} on {self._split} was not finite for {self.waited} evaluations"
        best = f"{100 * self.best:.1f} %"
        return (
            f"stopped early: {Figure(split=self._split, value=self.best, of=self._of).what} has not grown beyond {best} "
            f"for {self.waited} evaluations"
        )

    def state(self) -> dict[str, Any]:
        """Best score, the split it was measured on, and patience used."""
        return {"best": self.best, "split": self._split, "waited": self.waited}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse. A score of which it is not said on what split it was measured is compared with no other."""
        self._split = str(state.get("split") or "")
        if self._split:
            self.best, self.waited = float(state["best"]), int(state["waited"])
