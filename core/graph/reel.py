"""A film that can be played: when each of its frames is shown. Nothing of it is decoded. Axes: T frames, H, W, S samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLACK = 1e-6  # seconds: times are sums of fractions


@dataclass(frozen=True, kw_only=True, eq=False)
class Reel:
    """Its frames by number; whoever reads them knows what ``origin`` is."""

    name: str
    origin: object
    starts_T: NDArray[np.float64]  # seconds, rising
    end: float  # seconds
    samples_S: NDArray[np.float32] | None = None  # its sound from its beginning on, where that is in no file
    hertz: int = 0

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.starts_T)

    @property
    def begin(self) -> float:
        """When the first frame begins."""
        return float(self.starts_T[0])

    def at(self, seconds: float) -> int:
        """The frame that is shown then: the last that has begun."""
        found = int(np.searchsorted(self.starts_T, seconds + SLACK, side="right")) - 1
        return min(max(found, 0), self.frames - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReelFrames:
    """A wish: some neighbouring frames of a reel."""

    reel: Reel
    first: int
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ReelSound:
    """A wish: the sound of a reel from a time on."""

    reel: Reel
    start: float  # seconds
