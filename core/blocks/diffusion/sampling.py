"""Samplers: loops over an explicit tensor of times that falls from 1 to 0, without a counter in an object.

A sampler knows a path and a function that says, of z at a time, what the data, the noise and the velocity are; no network. One
evaluation a step, two with Heun. Fresh noise is a function of two times that the caller brings, one stream a sample.
Axes: B batch, then those of the data; S times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from core.blocks.diffusion.conversions import Estimate
from core.blocks.diffusion.paths import Level, Path

FIRST, ANCESTRAL, HEUN = "deterministic", "ancestral", "Heun"
SAMPLERS = (FIRST, ANCESTRAL, HEUN)

Predict = Callable[[Tensor, Tensor], Estimate]  # z, the time (one number) -> what is there
Fresh = Callable[[float, float], Tensor]  # from a time to the next -> standard Gaussians of the form of z


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Where a sampler is after a step."""

    z: Tensor
    data: Tensor  # what it takes the data to be
    done: int
    of: int


def times(steps: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """From 1 to 0 in equal steps, both ends told: [steps + 1] (as the ``trailing`` spacing, arXiv:2305.08891)."""
    return torch.linspace(1, 0, steps + 1, dtype=dtype, device="cpu")


def deterministic(z: Tensor, times_S: Tensor, path: Path, predict: Predict) -> Iterator[Drawn]:
    """Straight to the estimated data: DDIM without noise (arXiv:2010.02502), on the line Euler's method."""
    return ancestral(z, times_S, path, predict, fresh=None, eta=0.0)


def ancestral(
    z: Tensor, times_S: Tensor, path: Path, predict: Predict, fresh: Fresh | None, eta: float = 1.0
) -> Iterator[Drawn]:
    """A part ``eta`` of the noise is drawn anew at each step: 1 is DDPM (arXiv:2006.11239), 0 is DDIM (arXiv:2010.02502)."""
    for number, (now, then) in enumerate(_steps(times_S)):
        found, here, there = predict(z, now), path.at(now), path.at(then)
        renewed = eta * posterior_deviation(here, there)
        kept = (there.noise.square() - renewed.square()).clamp_min(0).sqrt()
        z = there.signal.to(z) * found.data + kept.to(z) * found.noise
        if fresh is not None and float(renewed) > 0:
            z = z + renewed.to(z) * fresh(float(now), float(then))
        yield Drawn(z=z, data=found.data, done=number + 1, of=len(times_S) - 1)


def heun(z: Tensor, times_S: Tensor, path: Path, predict: Predict) -> Iterator[Drawn]:
    """Heun's method along the path's own coordinate: second order (arXiv:2206.00364); the last step, to data, is of first order."""
    for number, (now, then) in enumerate(_steps(times_S)):
        found, there = predict(z, now), path.at(then)
        if float(there.noise) == 0:
            z = found.data
        else:
            far = (path.coordinate(then) - path.coordinate(now)).to(z)
            ahead = predict(z + far * found.velocity, then)
            z = z + far * (found.velocity + ahead.velocity) / 2
        yield Drawn(z=z, data=found.data, done=number + 1, of=len(times_S) - 1)


def evaluations(sampler: str, steps: int) -> int:
    """How often the network is asked for one unguided sample."""
    return 2 * steps - 1 if sampler == HEUN else steps


def run(sampler: str, z: Tensor, times_S: Tensor, path: Path, predict: Predict, fresh: Fresh) -> Iterator[Drawn]:
    """The sampler of a name of :data:`SAMPLERS`."""
    if sampler == ANCESTRAL:
        return ancestral(z, times_S, path, predict, fresh)
    return heun(z, times_S, path, predict) if sampler == HEUN else deterministic(z, times_S, path, predict)


def posterior_deviation(here: Level, there: Level) -> Tensor:
    """Of q(z there | z here, x): how far the less noisy one still scatters."""
    ratio = here.signal / there.signal
    between = (here.noise.square() - (ratio * there.noise).square()).clamp_min(0)
    return (between / here.noise.square()).sqrt() * there.noise


def _steps(times_S: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return pairwise(times_S)
