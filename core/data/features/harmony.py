"""Pitch classes: how loud each of the twelve is, whatever the octave (Ellis 2007, as in librosa). Axes: Q frequencies, P classes."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MIDDLE, WIDTH = 5.0, 2.0  # octaves above 27.5 Hz that count most, and how wide around


@functools.cache
def chroma_filters(n_fft: int, hertz: int) -> Tensor:
    """What of each frequency belongs to a class, C first [P, Q]."""
    bins_Q = torch.arange(1, n_fft, dtype=torch.float64) * hertz / n_fft
    place_Q = 12 * torch.log2(bins_Q / 27.5)  # semitones above A0
    place_Q = torch.cat([place_Q[:1] - 1.5 * 12, place_Q])
    wide_Q = torch.cat([place_Q.diff().clamp_min(1.0), place_Q.new_ones(1)])
    apart_PQ = place_Q - torch.arange(12, dtype=torch.float64)[:, None]
    apart_PQ = torch.remainder(apart_PQ + 6 + 120, 12) - 6
    made_PQ = torch.exp(-0.5 * (2 * apart_PQ / wide_Q) ** 2)
    made_PQ = made_PQ / made_PQ.norm(dim=0).clamp_min(1e-12)
    made_PQ = made_PQ * torch.exp(-0.5 * ((place_Q / 12 - MIDDLE) / WIDTH) ** 2)
    return made_PQ.roll(-3, 0)[:, : n_fft // 2 + 1].float()


def chroma(magnitude_QT: Tensor, n_fft: int, hertz: int) -> Tensor:
    """The classes of every frame, the loudest 1 [P, T]; 0 in silence."""
    made_PT = chroma_filters(n_fft, hertz) @ magnitude_QT.square()
    return made_PT / made_PT.amax(0).clamp_min(1e-10)
