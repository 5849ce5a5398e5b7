"""Where a run is: enough, with the seed, to know every sample and every random number still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.telemetry.events import At


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one task is in its data."""

    epoch: int = 0
    batch: int = 0  # within the epoch
    batches: int = 1  # in an epoch
    turns: int = 0  # steps in which it learned
    asked: float = 0.0  # turns that its shares so far would have given it

    def after_a_turn(self) -> Place:
        """One batch further."""
        is_last = self.batch + 1 >= self.batches
        batch, epoch = (0, self.epoch + 1) if is_last else (self.batch + 1, self.epoch)
        return replace(self, batch=batch, epoch=epoch, turns=self.turns + 1)

    def among(self, batches: int) -> Place:
        """The same place where the epoch has so many batches: of other sizes, or of data that changed, as much of it is behind."""
        if batches == self.batches or not self.turns:
            return self
        batch = self.batch if self.batch >= self.batches else self.batch * batches // self.batches
        return replace(self, batch=min(batch, batches - 1), batches=batches)

    @property
    def epochs(self) -> float:
        """Passes over its data so far."""
        return self.epoch + self.batch / max(self.batches, 1)


@dataclass(frozen=True, kw_only=True)
class Position:
    """Steps done, samples seen, seconds of training (pauses left out), and where each task is, by its source."""

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    processor: float = 0.0  # seconds of every core together, this process only
    tasks: Mapping[str, Place] = field(default_factory=dict)

    def at(self) -> At:
        """For events. The epoch is that of the task that has seen least of its data: all have come at least so far."""
        epoch = min((place.epochs for place in self.tasks.values() if place.turns or len(self.tasks) == 1), default=0.0)
        return At(step=self.step, seconds=self.seconds, epoch=epoch, samples=self.samples)

    def as_json(self) -> dict[str, Any]:
        """Plain data; :meth:`from_json` is the inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any], sources: tuple[str, ...]) -> Position:
        """What :meth:`as_json` wrote; also of a run from before there were several tasks, whose one place stands beside the step."""
        plain = {name: data[name] for name in ("step", "samples", "seconds", "processor") if name in data}
        if "tasks" in data:
            return cls(**plain, tasks={source: Place(**place) for source, place in data["tasks"].items()})
        place = {name: data[name] for name in ("epoch", "batch", "batches") if name in data}
        step = int(data["step"])
        return cls(**plain, tasks={sources[0]: Place(**place, turns=step, asked=float(step))})
