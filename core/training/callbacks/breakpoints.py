"""Pauses a run where a figure says that something is wrong, with its state in memory: a collapse is then seen when it begins.

The figures are those that the run says anyway: of diagnostics (effective rank, modality gap, entropy of attention, share of the
gradient), of blocks (temperature), of the loss and of evaluations. Effective rank tells a collapse of an embedding
(Roy and Vetterli 2007; arXiv:2210.02885).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.graph.conditions import PAUSE, SAY, STOP, USUAL, Condition, Watch, conditions_in
from core.knobs import knob
from core.telemetry.events import Event, Scalars
from core.training.callback import Callback, callbacks
from core.training.running import Running


@callbacks.register("breakpoints")
class Breakpoints(Callback):
    """Pauses the run when a figure crosses a bound or jumps: look, change a rate, go on, or fork."""

    title = "Breakpoints"
    order = 99  # after all that speaks at a step's end
    shards = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Conditions, and what follows."""

        when: str = knob(
            USUAL,
            "A figure by its name or its last words, then < or > and a number, or jumps or drops and by how many standard deviations; "
            "semicolons separate conditions.",
            title="Pause when",
        )  # fmt: skip
        in_a_row: int = knob(2, "So many times in a row it must hold; a jump counts at once.", low=1, high=1000)
        window: int = knob(
            30, "Values that a jump is measured against; until there are so many, nothing jumps.", low=5, high=10_000,
            title="Values before a jump",
        )  # fmt: skip
        then: str = knob(
            PAUSE, "Pause and wait for a person; stop with a checkpoint; or only say it in the log.",
            choices=(PAUSE, STOP, SAY),
        )  # fmt: skip

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._conditions: tuple[Condition, ...] = ()
        self._watches: dict[str, Watch] = {}  # "condition at figure"
        self._met: dict[
            tuple[str, float], str
        ] = {}  # condition and value -> the figure; one objective's loss is the run's
        self._kept: dict[str, list[float]] = {}

    def began(self, run: Running) -> None:
        """Listen from now on. Raises Refused where a condition cannot be read."""
        self._conditions = conditions_in(self.config.when)
        run.ears.append(self._hear)

    def _hear(self, event: Event) -> None:
        if not isinstance(event, Scalars):
            return
        for series, value in event.values.items():
            for condition in self._conditions:
                if condition.fits(series) and self._watch(condition, series).holds(value):
                    self._met.setdefault((str(condition), value), f"{series} is {value:.4g} ({condition})")

    def _watch(self, condition: Condition, series: str) -> Watch:
        name = f"{condition} at {series}"
        if name not in self._watches:
            at_once = condition.relation in ("jumps", "drops")
            watch = Watch(condition, in_a_row=1 if at_once else self.config.in_a_row, window=self.config.window)
            if name in self._kept:
                watch.load_state(self._kept.pop(name))
            self._watches[name] = watch
        return self._watches[name]

    def step_ended(self, run: Running) -> None:
        """Everything of this step has been said."""
        met, self._met = list(self._met.values()), {}
        if not met:
            return
        sentence = f"Breakpoint at step {run.position.step:,}: {'; '.join(met)}."
        run.warn(sentence)
        if self.config.then == STOP:
            run.stop(sentence)
        elif self.config.then == PAUSE:
            run.pause(sentence)

    def ended(self, run: Running) -> None:
        """What was met after the last step, and what could never be met, in the log."""
        if self._met:
            run.log(f"At the end: {'; '.join(self._met.values())}.")
        heard = {str(watch.condition) for watch in self._watches.values()} | {
            key.partition(" at ")[0] for key in self._kept
        }
        for condition in self._conditions:
            if str(condition) not in heard:
                run.log(f"This run said no figure that the breakpoint “{condition}” means.")

    def state(self) -> dict[str, Any]:
        """How each watch stands."""
        return {"watches": self._kept | {name: watch.state() for name, watch in self._watches.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse."""
        self._kept = {str(name): [float(x) for x in values] for name, values in dict(state.get("watches", {})).items()}
