"""Paths from data to noise: pure functions of time, each with its inverse.

``z = signal * x + noise * e`` with x data and e a standard Gaussian; time 0 is data, time 1 is noise. Three paths: the two tables
of DDPM (linear, arXiv:2006.11239; cosine, arXiv:2102.09672), read from diffusers' scheduler, and the straight line of rectified
flow (arXiv:2209.03003, flow matching arXiv:2210.02747). Between the entries of a table the logarithm of ``signal ** 2`` is linear.

A path is run along a coordinate of its own: the angle of (signal, noise) on a table, the time on the line. Slopes are taken by it,
so that ``signal * noise_slope - noise * signal_slope`` is 1 on every path and velocities turn into data and noise without a
division (:mod:`core.blocks.diffusion.conversions`). Axes: B whatever shape the times have, T entries of a table.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

STEPS = 1000  # entries of a table
LARGEST = 1e12  # signal to noise, where there is no noise at all


@dataclass(frozen=True, kw_only=True)
class Level:
    """How much is signal and how much is noise at some times, and how fast both change by the path's own coordinate."""

    signal: Tensor
    noise: Tensor
    signal_slope: Tensor
    noise_slope: Tensor

    @property
    def signal_to_noise(self) -> Tensor:
        """``signal ** 2 / noise ** 2``, finite also where there is no noise."""
        return self.signal.square() / self.noise.square().clamp_min(self.signal.square() / LARGEST).clamp_min(1e-38)

    def over(self, x: Tensor) -> Level:
        """The same with axes behind, so that it multiplies ``x`` row by row, in its precision."""
        behind = (1,) * (x.ndim - self.signal.ndim)
        parts = (self.signal, self.noise, self.signal_slope, self.noise_slope)
        signal, noise, signal_slope, noise_slope = (part.to(x).reshape(*part.shape, *behind) for part in parts)
        return Level(signal=signal, noise=noise, signal_slope=signal_slope, noise_slope=noise_slope)


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way from data to noise."""

    at: Callable[[Tensor], Level]  # times in [0, 1] -> levels
    coordinate: Callable[[Tensor], Tensor]  # times -> the path's own coordinate, by which slopes are taken
    time_of: Callable[[Tensor], Tensor]  # signal ** 2 / noise ** 2 -> times: the inverse of ``at``
    drawn: Callable[[Tensor], Tensor]  # standard Gaussians -> times to learn from


def _straight() -> Path:
    def at(time_B: Tensor) -> Level:
        one = torch.ones_like(time_B)
        return Level(signal=1 - time_B, noise=time_B, signal_slope=-one, noise_slope=one)

    def time_of(ratio_B: Tensor) -> Tensor:
        return 1 / (1 + ratio_B.sqrt())

    return Path(at=at, coordinate=lambda time_B: time_B, time_of=time_of, drawn=torch.sigmoid)


def _tabled(name: str) -> Path:
    log_T = torch.cat([torch.zeros(1, dtype=torch.float64), table(name).log()])  # of signal ** 2, at t = 0, 1/T ... 1

    def at(time_B: Tensor) -> Level:
        log_square = _read(log_T, time_B)
        signal, noise = (0.5 * log_square).exp(), (-torch.expm1(log_square)).sqrt()
        return Level(signal=signal, noise=noise, signal_slope=-noise, noise_slope=signal)

    def coordinate(time_B: Tensor) -> Tensor:
        level = at(time_B)
        return torch.atan2(level.noise, level.signal)

    def time_of(ratio_B: Tensor) -> Tensor:
        log_square = -torch.log1p(1 / ratio_B.double())
        falling_T = -log_T
        place = torch.searchsorted(falling_T, (-log_square).contiguous()).clamp(1, STEPS)
        low, high = falling_T[place - 1], falling_T[place]
        return ((place - 1 + (-log_square - low) / (high - low)) / STEPS).to(ratio_B)

    def drawn(gauss_B: Tensor) -> Tensor:
        uniform_B = torch.special.ndtr(gauss_B)
        return (uniform_B * STEPS).ceil().clamp(1, STEPS) / STEPS

    return Path(at=at, coordinate=coordinate, time_of=time_of, drawn=drawn)


def _read(values_T: Tensor, time_B: Tensor) -> Tensor:
    """A table at times, linear between its entries; float64 inside."""
    values_T = values_T.to(time_B.device)
    place = time_B.double() * STEPS
    before = place.floor().clamp(0, STEPS - 1)
    low = values_T[before.long()]
    return (low + (place - before) * (values_T[before.long() + 1] - low)).to(time_B)


@cache
def table(name: str) -> Tensor:
    """``signal ** 2`` at times 1/T, 2/T ... 1 in float64, from the betas of diffusers' scheduler.

    Imported here: it takes a second that only documents with such a path should wait for.
    """
    with torch.device("cpu"):
        scheduler = importlib.import_module("diffusers.schedulers.scheduling_ddpm").DDPMScheduler
        betas_T: Tensor = scheduler(num_train_timesteps=STEPS, beta_schedule=name).betas
        return torch.cumprod(1 - betas_T.double(), 0)


LINEAR, COSINE, STRAIGHT = "DDPM, linear", "DDPM, cosine", "flow matching"
NAMES = (STRAIGHT, COSINE, LINEAR)


@cache
def path(name: str) -> Path:
    """The path of a name of :data:`NAMES`."""
    tables = {LINEAR: "linear", COSINE: "squaredcos_cap_v2"}
    with torch.device("cpu"):
        return _tabled(tables[name]) if name in tables else _straight()


def mixed(x: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Data with noise at a level: a draw of q(z | x)."""
    here = level.over(x)
    return here.signal * x + here.noise * noise
