"""A sound cut into frames that are centred on every ``hop`` th sample, the sound mirrored at its ends, as a spectrogram's are.

Axes: S samples, T frames (S / hop + 1), W samples of a window, Q frequencies.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor


def framed(waveform_S: Tensor, window: int, hop: int) -> Tensor:
    """Frames [T, W]. The sound must be longer than half a window."""
    half = window // 2
    padded_S = F.pad(waveform_S[None, None], (half, half), mode="reflect")[0, 0]
    return padded_S.unfold(0, window, hop)[: len(waveform_S) // hop + 1]


def spectrum(waveform_S: Tensor, n_fft: int, hop: int) -> Tensor:
    """Magnitudes by a Hann window [Q, T]."""
    return power(waveform_S, n_fft, hop).sqrt()


def power(waveform_S: Tensor, n_fft: int, hop: int) -> Tensor:
    """Their squares [Q, T]; no root is drawn."""
    complex_QT = torch.stft(
        waveform_S, n_fft, hop, window=_hann(n_fft), center=True, pad_mode="reflect", return_complex=True
    )
    return complex_QT.real.square().addcmul_(complex_QT.imag, complex_QT.imag)


def frequencies(n_fft: int, hertz: int) -> Tensor:
    """Where a spectrum's rows lie [Q], in Hz."""
    return torch.linspace(0, hertz / 2, n_fft // 2 + 1)


@functools.cache
def _hann(n_fft: int) -> Tensor:
    return torch.hann_window(n_fft)
