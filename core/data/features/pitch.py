"""Fundamental frequency: YIN's difference function (de Cheveigné and Kawahara 2002), its minima joined to a contour by a cheapest path.

A minimum is a candidate for the period. The path pays for a poor minimum and for jumps, so a frame whose best candidate lies an octave
away from its neighbours takes the next one (as pYIN's hidden Markov model does, Mauch and Dixon 2014); no frame needs a voice.
Axes: T frames, W samples of a window, L lags, K candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.features.frames import framed

CANDIDATES = 6
UNVOICED = 0.35  # what a frame without a voice costs: the normed difference above which none is heard
JUMP, CHANGE = 1.5, 0.15  # what an octave between two frames costs, and a voice's beginning or end
LONG = 0.01  # what each octave of the period costs: of multiples of a period the shortest is meant
SILENCE = 10 ** (-50 / 20)  # of the loudest frame: below, nobody speaks

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Contour:
    """What was heard in each frame."""

    hertz_T: Tensor  # 0 where there is no voice
    voiced_T: Tensor  # bool


def contour(
    waveform_S: Tensor, hertz: int, hop: int, low: float = 60.0, high: float = 600.0, unvoiced: float = UNVOICED
) -> Contour:
    """The fundamental frequency between ``low`` and ``high`` Hz; the larger ``unvoiced``, the rougher a voice may be."""
    longest, shortest = int(hertz / low) + 2, max(2, int(hertz / high))
    frames_TW = framed(waveform_S, 2 * longest, hop).double()
    normed_TL = normed_difference(frames_TW, longest)
    lag_TK, cost_TK = _candidates(np.asarray(normed_TL.numpy(), np.float64), shortest, longest - 1)
    loud_T = frames_TW.square().mean(1).sqrt().numpy()
    cost_TK[loud_T <= SILENCE * max(float(loud_T.max()), 1e-9)] = np.inf
    chosen_T = _path(lag_TK, cost_TK, unvoiced)
    lag_T = np.take_along_axis(lag_TK, np.maximum(chosen_T, 0)[:, None], 1)[:, 0]
    hertz_T = np.where(chosen_T >= 0, hertz / lag_T, 0.0)
    made_T = torch.from_numpy(hertz_T).float()
    return Contour(hertz_T=made_T, voiced_T=made_T > 0)


def normed_difference(frames_TW: Tensor, longest: int) -> Tensor:
    """How much a frame differs from itself a lag later, by the mean over all shorter lags [T, L]; 1 at lag 0."""
    window = frames_TW.shape[1] - longest
    size = 1 << (frames_TW.shape[1] + window).bit_length()
    whole, first = torch.fft.rfft(frames_TW, size), torch.fft.rfft(frames_TW[:, :window], size)
    product_TL = torch.fft.irfft(whole * first.conj(), size)[:, :longest]
    sums = torch.nn.functional.pad(frames_TW.square().cumsum(1), (1, 0))
    energy_TL = (sums[:, window:] - sums[:, :-window])[:, :longest]
    difference_TL = (energy_TL[:, :1] + energy_TL - 2 * product_TL).clamp_min(0)
    lag_L = torch.arange(1, longest, dtype=frames_TW.dtype)
    mean_TL = difference_TL[:, 1:].cumsum(1) / lag_L
    normed_TL = difference_TL[:, 1:] / mean_TL.clamp_min(1e-12)
    return torch.cat([torch.ones_like(normed_TL[:, :1]), normed_TL], 1)


def _candidates(normed_TL: Array, shortest: int, longest: int) -> tuple[Array, Array]:
    """The lags of the lowest minima, between samples by a parabola, and what each costs [T, K]."""
    before, here, after = (normed_TL[:, shortest + shift : longest + shift] for shift in (-1, 0, 1))
    is_least = (here <= before) & (here < after)
    order_TK = np.argsort(np.where(is_least, here, np.inf), 1, kind="stable")[:, :CANDIDATES]
    a, b, c = (np.take_along_axis(part, order_TK, 1) for part in (before, here, after))
    curve = a - 2 * b + c
    shift = np.clip(np.where(curve > 1e-12, 0.5 * (a - c) / np.maximum(curve, 1e-12), 0.0), -0.5, 0.5)
    lag_TK: Array = (order_TK + shortest).astype(np.float64) + shift
    cost_TK: Array = b - 0.25 * (a - c) * shift + LONG * np.log2(lag_TK / shortest)
    cost_TK[~np.take_along_axis(is_least, order_TK, 1)] = np.inf
    return lag_TK, cost_TK


def _path(lag_TK: Array, cost_TK: Array, unvoiced: float) -> NDArray[np.int64]:
    """The candidate of every frame on the cheapest path, -1 where there is no voice [T]."""
    frames, count = lag_TK.shape
    octave_TK = np.log2(lag_TK)
    best = np.append(cost_TK[0], unvoiced)  # the last state is no voice
    came = np.zeros((frames, count + 1), np.int64)
    step = np.full((count + 1, count + 1), CHANGE)
    step[-1, -1] = 0.0
    for frame in range(1, frames):
        step[:-1, :-1] = JUMP * np.abs(octave_TK[frame][None] - octave_TK[frame - 1][:, None])
        total = best[:, None] + step
        came[frame] = total.argmin(0)
        best = total.min(0) + np.append(cost_TK[frame], unvoiced)
    state, path = int(best.argmin()), np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state if state < count else -1
        state = int(came[frame, state])
    return path
