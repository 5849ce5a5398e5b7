"""Keeps the last few checkpoints and the best one; each is whole or not there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.knobs import knob
from core.problems import Refused
from core.telemetry.events import Mark
from core.training.habit import Habit, habits
from core.training.habits.early_stopping import held_out_score
from core.training.state import state_of, write_tensors

if TYPE_CHECKING:
    from core.training.trainer import Trainer


@habits.register("checkpointing")
class Checkpointing(Habit):
    """Saves the whole run now and then, at the end, and when it is stopped."""

    title = "Checkpoints"
    order = 90

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(200, "Save at every n-th step.", low=1, high=1_000_000, unit="steps")
        last: int = knob(2, "How many of the newest are kept.", low=1, high=1000)
        best: bool = knob(True, "Also keep the one with the best held-out R@10.", title="Keep the best")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.score: float | None = None
        self._saved_at = -1

    def evaluated(self, run: Trainer) -> None:
        """A new best is saved at once."""
        score = held_out_score(run)
        if score is not None and (self.score is None or score > self.score):
            self.score = score
            run.say(
                Mark(at=run.at(), kind="best", text=f"best R@10 {score:.1%}", data={"metric": "R@10", "value": score})
            )
            if self.config.best and run.position.step:
                self.save(run, best=True)

    def step_ended(self, run: Trainer) -> None:
        """Now and then."""
        if run.position.step % self.config.every == 0:
            self.save(run)

    def ended(self, run: Trainer) -> None:
        """At the end and after a stop; a diverged run keeps its last good one."""
        if run.status in ("finished", "stopped") and run.position.step:
            self.save(run)

    def save(self, run: Trainer, best: bool = False) -> None:
        """Write one. A full disk is said and does not end the run."""
        if run.keeper is None or (self._saved_at == run.position.step and not best):
            return
        try:
            path = run.keeper.save(
                run.position.step, lambda folder: write_tensors(run, folder), state_of(run),
                best=best, last=self.config.last,
            )  # fmt: skip
        except (Refused, OSError, RuntimeError) as error:
            run.warn(f"The checkpoint at step {run.position.step} was not saved: {error}")
            return
        self._saved_at = run.position.step
        data = {"path": path, "metric": "R@10", "value": self.score, "best": best}
        run.say(Mark(at=run.at(), kind="checkpoint", text=f"checkpoint at step {run.position.step}", data=data))

    def state(self) -> dict[str, Any]:
        """The best score so far."""
        return {"score": self.score}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self.score = state["score"]
