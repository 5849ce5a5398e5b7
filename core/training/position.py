"""Where a run is: enough, with the seed, to know every sample and every random number still to come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.telemetry.events import At


@dataclass(frozen=True, kw_only=True)
class Position:
    """Steps done, epoch and the batch within it, samples seen, seconds of training (pauses left out)."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # within the epoch
    batches: int = 1  # in an epoch
    samples: int = 0
    seconds: float = 0.0
    processor: float = 0.0  # seconds of every core together, this process only

    def at(self) -> At:
        """For events."""
        return At(
            step=self.step,
            seconds=self.seconds,
            epoch=self.epoch + self.batch / max(self.batches, 1),
            samples=self.samples,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data; ``Position(**data)`` is the inverse."""
        return asdict(self)
