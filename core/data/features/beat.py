"""Tempo: how strongly a clip's onsets repeat after each lag, weighted by how usual the tempo is (Ellis 2007). Axes: F bands, T frames."""

from __future__ import annotations

import torch
from torch import Tensor

USUAL, OCTAVES = 120.0, 1.0  # beats a minute, and how far around them is likely


def onsets(decibels_FT: Tensor) -> Tensor:
    """How much louder the bands become from frame to frame, their mean [T]."""
    rise_T = decibels_FT.diff(dim=1).clamp_min(0).mean(0)
    return torch.cat([rise_T.new_zeros(1), rise_T])


def repetition(onsets_T: Tensor) -> Tensor:
    """The autocorrelation of onsets, 1 at lag 0 [T]; 0 where there are none."""
    centred_T = onsets_T - onsets_T.mean()
    size = 1 << (2 * len(centred_T)).bit_length()
    power = torch.fft.rfft(centred_T.double(), size).abs().square()
    found_T = torch.fft.irfft(power, size)[: len(centred_T)]
    count_T = torch.arange(len(centred_T), 0, -1, dtype=torch.float64)
    found_T = found_T / count_T
    return (found_T / found_T[0].clamp_min(1e-12)).float()


def tempo(onsets_T: Tensor, frames_a_second: float, low: float = 40.0, high: float = 240.0) -> float:
    """Beats a minute; 0 where nothing repeats."""
    found_T = repetition(onsets_T)
    first, last = max(1, int(60 * frames_a_second / high)), min(int(60 * frames_a_second / low) + 1, len(found_T) - 2)
    if last <= first or not bool(onsets_T.any()):
        return 0.0
    lag_L = torch.arange(first, last + 1, dtype=torch.float64)
    usual_L = torch.exp(-0.5 * (torch.log2(60 * frames_a_second / lag_L / USUAL) / OCTAVES) ** 2)
    best = int((found_T[first : last + 1].clamp_min(0) * usual_L).argmax()) + first
    before, here, after = (float(found_T[best + shift]) for shift in (-1, 0, 1))
    curve = before - 2 * here + after
    shift = 0.5 * (before - after) / curve if curve < 0 else 0.0
    return 60 * frames_a_second / (best + min(max(shift, -0.5), 0.5))
