"""What a person may ask of a running run: flags that the trainer reads at a step's edge."""

from __future__ import annotations

import threading
from dataclasses import dataclass


class Stopping(Exception):
    """A stop was asked for in the middle of something that can be left and done again."""


class Skipping(Stopping):
    """An evaluation that goes on is to be left; the run goes on without its scores."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A new learning rate for one node, or (empty) for all."""

    node: str
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked for at one moment, to be told to other processes of the run."""

    paused: bool
    stop: bool
    evaluate: bool
    checkpoint: bool
    skip: bool  # the evaluation that goes on
    rates: tuple[Rate, ...]


class Control:
    """Thread-safe wishes. A stop wakes a paused run at once. ``others_follow``: more runs of a sweep come in this process."""

    def __init__(self, *, others_follow: bool = False) -> None:
        self.others_follow = others_follow
        self._changed = threading.Condition()
        self._paused = False
        self.was_paused = self.has_skipped = False  # at any time
        self._stop = self._evaluate = self._skip = False
        self._checkpoint = False
        self._rates: list[Rate] = []

    def pause(self) -> None:
        """Wait at the next step's edge."""
        with self._changed:
            self._paused = self.was_paused = True

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def stop(self, *, evaluate: bool = False) -> None:
        """End at the next step's edge, with a checkpoint; where asked, evaluate after it. A plain stop cuts that short."""
        with self._changed:
            self._stop, self._evaluate = True, evaluate and (self._evaluate or not self._stop)
            self._changed.notify_all()

    def skip_evaluation(self) -> None:
        """Leave the evaluation that goes on; where none does, nothing is left."""
        with self._changed:
            self._skip = True

    def forget_skip(self) -> None:
        """An evaluation begins: what was asked for before it is about another."""
        with self._changed:
            self._skip = False

    def checkpoint(self) -> None:
        """Save at the next step's edge."""
        with self._changed:
            self._checkpoint = True
            self._changed.notify_all()

    def set_rate(self, node: str, learning_rate: float) -> None:
        """Change a learning rate from the next step on."""
        with self._changed:
            self._rates.append(Rate(node=node, learning_rate=learning_rate))

    def take(self) -> Wishes:
        """All of it; what is granted once is not given again."""
        rates, checkpoint = self.take_rates(), self.take_checkpoint()
        with self._changed:
            return Wishes(
                paused=self._paused,
                stop=self._stop,
                evaluate=self._evaluate,
                checkpoint=checkpoint,
                skip=self._skip,
                rates=tuple(rates),
            )

    def follow(self, wishes: Wishes) -> None:
        """Ask for what was asked for elsewhere."""
        with self._changed:
            self._paused, self._stop, self._evaluate = wishes.paused, wishes.stop, wishes.evaluate
            self._checkpoint, self._skip = self._checkpoint or wishes.checkpoint, wishes.skip
            self._rates += wishes.rates
            self._changed.notify_all()

    @property
    def is_paused(self) -> bool:
        """Whether a pause was asked for."""
        return self._paused

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop

    @property
    def evaluates(self) -> bool:
        """Whether a stop was asked for that evaluates before it ends."""
        return self._stop and self._evaluate

    @property
    def skips(self) -> bool:
        """Whether the evaluation that goes on is to be left."""
        return self._skip

    @property
    def cuts_short(self) -> bool:
        """Whether nothing but a checkpoint may still be waited for."""
        return self._stop and not self._evaluate

    def wait_while_paused(self, seconds: float) -> bool:
        """Sleep until something changes or the time is over; True while still paused."""
        with self._changed:
            if self._paused and not self._stop and not self._checkpoint:
                self._changed.wait(seconds)
            return self._paused and not self._stop

    def take_checkpoint(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        with self._changed:
            asked, self._checkpoint = self._checkpoint, False
            return asked

    def take_rates(self) -> list[Rate]:
        """Learning rates asked for since the last call."""
        with self._changed:
            rates, self._rates = self._rates, []
            return rates
