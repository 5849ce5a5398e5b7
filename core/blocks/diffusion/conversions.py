"""Noise, velocity and data: what a network may predict at a level, and the three from any one of them.

At ``z = signal * x + noise * e`` the velocity is ``signal_slope * x + noise_slope * e``: on the line ``e - x`` (arXiv:2209.03003),
on a table ``signal * e - noise * x`` (v-prediction, arXiv:2202.00512). Axes: B batch, then those of the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from core.blocks.diffusion.paths import Level

VELOCITY, NOISE, DATA = "velocity", "noise", "data"
PREDICTS = (VELOCITY, NOISE, DATA)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All three at one place: what a prediction says about x, e and the velocity."""

    data: Tensor
    noise: Tensor
    velocity: Tensor


def of_pair(data: Tensor, noise: Tensor, level: Level) -> Estimate:
    """Where data and noise are known."""
    here = level.over(data)
    return Estimate(data=data, noise=noise, velocity=here.signal_slope * data + here.noise_slope * noise)


def of_prediction(prediction: Tensor, z: Tensor, level: Level, predicts: str) -> Estimate:
    """Where ``predicts`` of :data:`PREDICTS` is predicted at ``z``.

    Data cannot be told from noise at signal 0, nor noise from data at noise 0: those give what is not finite.
    """
    here = level.over(z)
    if predicts == VELOCITY:
        data = here.noise_slope * z - here.noise * prediction
        return Estimate(data=data, noise=here.signal * prediction - here.signal_slope * z, velocity=prediction)
    if predicts == NOISE:
        return of_pair((z - here.noise * prediction) / here.signal, prediction, level)
    return of_pair(prediction, (z - here.signal * prediction) / here.noise, level)


def clamped(estimate: Estimate, z: Tensor, level: Level) -> Estimate:
    """The same with data in [-1, 1] and noise that still gives ``z``."""
    return of_prediction(estimate.data.clamp(-1, 1), z, level, DATA)


def wanted(estimate: Estimate, predicts: str) -> Tensor:
    """The one of the three that is learned."""
    return {VELOCITY: estimate.velocity, NOISE: estimate.noise, DATA: estimate.data}[predicts]


def cost_of(level: Level, predicts: str) -> Tensor:
    """What a squared error of ``predicts`` is in squared error of data: ``|data|^2 = cost * |prediction|^2``."""
    if predicts == DATA:
        return level.signal * 0 + 1
    return level.noise.square() if predicts == VELOCITY else 1 / level.signal_to_noise
