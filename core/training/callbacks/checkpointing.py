"""Keeps the last few checkpoints and the best one; each is whole or not there at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.graph.selection import METRIC, Figure
from core.knobs import knob
from core.problems import Refused
from core.store.faults import cause_of, is_storage_fault
from core.telemetry.events import Mark
from core.training.callback import Callback, callbacks
from core.training.running import Running
from core.training.state import state_of, whole_tensors, write_tensors

SECONDS_BETWEEN_TRIES = 0.5
PATIENCE_OF_A_STOP = 1.0  # who stops a run waits for it


@callbacks.register("checkpointing")
class Checkpointing(Callback):
    """Saves the whole run now and then, at the end, and when it is stopped."""

    title = "Checkpoints"
    order = 90
    shards = True
    patience_seconds: ClassVar[float] = 30.0  # at the end of a run, for a disk that is full

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how many."""

        every: int = knob(200, "Save at every n-th step.", low=1, high=1_000_000, unit="steps")
        last: int = knob(2, "How many of the newest are kept.", low=1, high=1000, title="Keep last")
        best: bool = knob(
            True,
            "Also keep the one that is best on the validation split: by R@10 (mean of both directions), or by the score that "
            "Evaluation names; where the data has none, on the test split, which the log then says.",
            title="Keep the best",
        )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.score: float | None = None
        self._split, self._metric = "", METRIC
        self._figure: Figure | None = None  # of the last evaluation
        self._measured_at = -1
        self._saved_at = -1
        self._unsaved, self._warned_at = "", -1  # why the last try failed, and at which step that was said

    def evaluated(self, run: Running) -> None:
        """A new best is saved at once."""
        found = self._figure = run.figure
        self._measured_at = run.position.step
        if found is not None and found.is_better_than(self.score if found.metric == self._metric else None):
            self.score, self._split, self._metric = found.value, found.split, found.metric
            data = {"metric": found.series, "value": found.value, "split": found.split}
            run.say(Mark(at=run.at(), kind="best", text=f"best {found.what}: {found.number}", data=data))
            if self.config.best and run.position.step:
                self.save(run, best=True)

    def step_ended(self, run: Running) -> None:
        """Now and then."""
        if run.position.step % self.config.every == 0:
            self.save(run)

    def ended(self, run: Running) -> None:
        """At the end and after a stop; a diverged run keeps its last good one."""
        if run.status in ("finished", "stopped") and run.position.step:
            self._save_at_last(run)

    def _save_at_last(self, run: Running) -> None:
        """A full disk is tried again for a while; what was learned and could not be saved is never called finished."""
        patience = self.patience_seconds if run.status == "finished" else PATIENCE_OF_A_STOP
        end = time.monotonic() + patience
        while not self.save(run) and time.monotonic() < end:
            time.sleep(SECONDS_BETWEEN_TRIES)
        if self._unsaved:
            run.end(
                "failed",
                f"Trained to step {run.position.step}, but what it learned could not be saved: {self._unsaved} "
                "It can be continued from its newest checkpoint.",
            )

    def save(self, run: Running, best: bool = False) -> bool:
        """Write one. A full disk is said once and does not end the run; False where it was not written."""
        if (run.keeper is None and not run.is_sharded) or (self._saved_at == run.position.step and not best):
            return True
        if run.is_sharded:
            whole_tensors(run)
        try:
            with run.busy("saving"):
                path = "" if run.keeper is None else run.keeper.save(
                    run.position.step, lambda folder: write_tensors(run, folder), state_of(run),
                    best=best, last=self.config.last,
                )  # fmt: skip
        except Exception as error:
            if not (isinstance(error, Refused | RuntimeError) or is_storage_fault(error)):
                raise
            reason = str(error) if isinstance(error, Refused) else f"{cause_of(error)}."
            if reason != self._unsaved or self._warned_at != run.position.step:
                run.warn(f"The checkpoint at step {run.position.step} was not saved: {reason}")
            self._unsaved, self._warned_at = reason, run.position.step
            return False
        self._saved_at, self._unsaved = run.position.step, ""
        data = {"path": path, "best": best, **self._own_figure(run)}
        run.say(Mark(at=run.at(), kind="checkpoint", text=f"checkpoint at step {run.position.step}", data=data))
        if run.keeper is not None:
            run.keeper.settle()
        return True

    def say_again(self, run: Running, path: str, *, best: bool) -> None:
        """The mark of the checkpoint that a run goes on from, where the process died before it was kept."""
        data = {"path": path, "best": best, **self._own_figure(run)}
        run.say(Mark(at=run.at(), kind="checkpoint", text=f"checkpoint at step {run.position.step}", data=data))

    def _own_figure(self, run: Running) -> dict[str, Any]:
        """What this very checkpoint scored, not the best so far; nothing where it was not evaluated at this step."""
        if self._figure is None or self._measured_at != run.position.step:
            return {}
        return {"metric": self._figure.series, "value": self._figure.value}

    def state(self) -> dict[str, Any]:
        """The best score so far, the split it was measured on, and the last evaluation's."""
        value = self._figure.value if self._figure is not None else None
        return {
            "score": self.score, "split": self._split, "metric": self._metric, "value": value, "measured": self._measured_at,
        }  # fmt: skip

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse. A score of which it is not said on what split it was measured is compared with no other."""
        self._split, self._metric = str(state.get("split") or ""), str(state.get("metric") or METRIC)
        self.score = state["score"] if self._split else None
        value = state.get("value")
        self._figure = None if value is None else Figure(split=self._split, value=float(value), metric=self._metric)
        self._measured_at = int(state.get("measured", -1))
