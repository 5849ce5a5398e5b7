"""Clocks and stand-ins of a measurement: what is timed, what is kept from happening, what is counted of what is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.graph.budget.measured import Cost
from core.store.checkpoints import CheckpointFolder
from core.store.recorder import Recorder
from core.store.spool import size_of
from core.telemetry.events import Event
from core.training.trainer import Trainer

NEVER = 1_000_000_000
ON_DISK = 0.4  # of what an event takes in memory: series are packed, maps and pictures compressed
MOMENTS = ("step_began", "gradient_ready", "updated", "step_ended", "evaluated")


class Clock:
    """From its making on."""

    def __init__(self) -> None:
        self._wall, self._work = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        """So far."""
        return Cost(seconds=time.perf_counter() - self._wall, processor=time.process_time() - self._work)


class Counting:
    """Hands everything to the recorder and counts about how much it is."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.bytes = recorder, 0.0

    def say(self, event: Event) -> None:
        """Take an event."""
        self.bytes += ON_DISK * size_of(event)
        self.recorder.say(event)


class Quiet:
    """Keeps what happens at every n-th step from happening, until it is asked for."""

    def __init__(self, trainer: Trainer) -> None:
        self.diagnostics = [one for one in trainer.diagnostics if hasattr(one.config, "every")]
        self.configs: dict[Any, Any] = {
            one: one.config for one in (*self.diagnostics, *trainer.callbacks) if hasattr(one.config, "every")
        }
        self.hush()

    def hush(self) -> None:
        """Nothing looks, evaluates or saves by itself."""
        for one, config in self.configs.items():
            one.config = replace(config, every=NEVER)


class Timed:
    """The time of everything that a callback or a diagnostic does from :meth:`begin` on."""

    def __init__(self, thing: Any, listener: Counting, moments: tuple[str, ...] = MOMENTS) -> None:
        self.cost, self.bytes, self._listener = Cost(), 0.0, listener
        for moment in moments:
            setattr(thing, moment, self._around(getattr(thing, moment)))

    def begin(self) -> None:
        """From here on."""
        self.cost, self.bytes = Cost(), 0.0

    def _around(self, act: Callable[[Any], None]) -> Callable[[Any], None]:
        def timed(run: Any) -> None:
            before, clock = self._listener.bytes, Clock()
            try:
                act(run)
            finally:
                self.cost = self.cost + clock.cost()
                self.bytes += self._listener.bytes - before

        return timed


class Keeper:
    """One checkpoint, to see how long it takes and how large it is."""

    def __init__(self, folder: CheckpointFolder) -> None:
        self._folder = folder

    def save(self, step: int, write: Callable[[Path], None], state: Mapping[str, Any], *, best: bool, last: int) -> str:
        """Write it."""
        return str(self._folder.save(step, write, state, best=best, keep_last=last))

    def settle(self) -> None:
        """Nobody reads it."""


class TimedEvaluation:
    """Evaluations of some samples or of all, and how long the whole one takes by that."""

    def __init__(self, trainer: Trainer, callback: Any, config: Any, listener: Counting) -> None:
        self._trainer, self._callback, self._config, self._listener = trainer, callback, config, listener
        self._behind = [Timed(one, listener, ("evaluated",)) for one in trainer.callbacks]
        self._whole = self._count(NEVER)
        self.cost, self.share, self.bytes = Cost(), 1.0, 0.0  # of a whole one; so much of it was really done

    def foreseen(self, most: int) -> float:
        """Processor seconds of evaluating at most so many samples of each split, as far as is known."""
        return self.cost.processor * self._count(most) / max(self._whole, 1)

    def take(self, most: int, *, again: bool = False) -> None:
        """Evaluate at most so many samples of each split; what follows an evaluation does so whole each time.

        Nothing where all were evaluated, unless it is wanted ``again``.
        """
        if self.cost.seconds and self.share >= 1 and not again:
            return
        share = self._count(most) / max(self._whole, 1)
        for one in self._behind:
            one.begin()
        before, clock = self._listener.bytes, Clock()
        self._callback.measure(self._trainer)
        spent = clock.cost()
        behind = sum((one.cost for one in self._behind), Cost())
        self.cost, self.share = spent.less(behind).times(1 / max(share, 1e-9)) + behind, share
        self.bytes = self._listener.bytes - before

    def _count(self, most: int) -> int:
        """Set so many; gives how many samples are read then."""
        self._callback.config = replace(self._config, every=NEVER, most=min(most, self._config.most))
        return int(self._callback.count_samples(self._trainer))
