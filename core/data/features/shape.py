"""How loud a sound is and where its frequencies lie, frame by frame. Axes: S samples, Q frequencies, T frames, W a window."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-10


def level(frames_TW: Tensor) -> Tensor:
    """Root mean square [T]: A / sqrt 2 of a sine of amplitude A."""
    return frames_TW.square().mean(1).sqrt()


def crossing_rate(frames_TW: Tensor) -> Tensor:
    """How often the sign changes, a share of the samples [T]: 2 f / rate of a sine."""
    above_TW = frames_TW >= 0
    return (above_TW[:, 1:] != above_TW[:, :-1]).float().sum(1) / frames_TW.shape[1]


def centroid(magnitude_QT: Tensor, frequencies_Q: Tensor) -> Tensor:
    """The mean frequency by magnitude [T], in Hz; 0 in silence."""
    return (frequencies_Q @ magnitude_QT) / magnitude_QT.sum(0).clamp_min(LEAST)


def rolloff(magnitude_QT: Tensor, frequencies_Q: Tensor, share: float = 0.85) -> Tensor:
    """The frequency below which so much of the magnitude lies [T], in Hz; 0 in silence."""
    below_QT = magnitude_QT.cumsum(0)
    first_T = (below_QT >= share * below_QT[-1]).to(torch.int8).argmax(0)
    return frequencies_Q[first_T]
