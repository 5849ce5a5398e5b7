"""Ends a run when the figure on the split that selects has not improved for a while (Prechelt 1998).

What is compared is the one figure of :mod:`core.graph.selection`: R@10, the mean of both directions, or the score that Evaluation names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.graph.selection import METRIC, Figure
from core.knobs import knob
from core.training.callback import Callback, callbacks
from core.training.running import Running

NONE = -1.0  # how a checkpoint says that no evaluation had a finite score yet


@callbacks.register("early_stopping")
class EarlyStopping(Callback):
    """Ends a run when the held-out figure that chooses no longer improves."""

    title = "Early stopping"
    order = 80
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Patience."""

        patience: int = knob(5, "Evaluations without a better score before the run ends.", low=1, high=1000)
        least_gain: float = knob(0.002, "A gain below this counts as none; in units of what is compared, so 0.01 is one point of R@10 and a hundredth of a decibel.", low=0, high=1_000)  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.best: Figure | None = None
        self.waited, self._split = 0, ""

    def evaluated(self, run: Running) -> None:
        """Compare with the best so far. An evaluation without a finite score is one without a better score."""
        if not run.selects:
            return
        found = run.figure
        self._split = found.split if found is not None else run.selects
        if found is not None and self._is_better(found):
            self.best, self.waited = found, 0
            return
        self.waited += 1
        if self.waited >= self.config.patience and run.is_running:
            run.end("finished", self._sentence())

    def _is_better(self, found: Figure) -> bool:
        same = self.best is not None and self.best.metric == found.metric
        return found.is_better_than(self.best.value if self.best is not None and same else None, self.config.least_gain)

    def _sentence(self) -> str:
        if self.best is None:
            return f"stopped early: {METRIC} on {self._split} was not finite for {self.waited} evaluations"
        return f"stopped early: {self.best.what} has not improved on {self.best.number} for {self.waited} evaluations"

    def state(self) -> dict[str, Any]:
        """Best score, what it is and the split it was measured on, and patience used."""
        best = self.best or Figure(split=self._split, value=NONE)
        return {
            "best": best.value, "metric": best.metric, "of": best.of, "split": self._split, "waited": self.waited,
        }  # fmt: skip

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse. A score of which it is not said on what split it was measured is compared with no other."""
        self._split = str(state.get("split") or "")
        if not self._split:
            return
        self.waited, value = int(state["waited"]), float(state["best"])
        metric, of = str(state.get("metric") or METRIC), str(state.get("of") or "")
        self.best = None if value == NONE else Figure(split=self._split, value=value, metric=metric, of=of)
