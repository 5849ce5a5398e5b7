"""How sure a mean over held-out samples is: the bootstrap (Efron, 1979), seeded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean, and where 95 % of the means of as many samples drawn anew lie."""

    mean: float
    low: float
    high: float
    samples: int

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is."""
        return self.low > 0


def estimate(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Of independent samples. Raises ValueError without any."""
    if not len(values):
        raise ValueError("A mean needs at least one value.")
    value_N = np.asarray(values, dtype=np.float64)
    drawn_DN = np.random.default_rng(seed).integers(len(value_N), size=(DRAWS, len(value_N)))
    low, high = np.percentile(value_N[drawn_DN].mean(1), [2.5, 97.5])
    return Estimate(mean=float(value_N.mean()), low=float(low), high=float(high), samples=len(value_N))
