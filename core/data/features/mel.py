"""Mel bands (Stevens 1937; Slaney's Auditory Toolbox 1998, HTK) and their cepstrum (Davis and Mermelstein 1980).

``Slaney``: linear below 1 kHz, every filter of one area; what librosa, Whisper and most published encoders use. ``HTK``: 2595
lg(1 + f / 700), every filter as high as 1; below 500 Hz its filters are narrower, and with many bands and a short window some hold
no frequency at all. Axes: S samples, Q frequencies, F bands, T frames, K cepstral coefficients.
"""

from __future__ import annotations

import functools
import math
import warnings

import torch
from torch import Tensor

from core.data.features.frames import power
from core.torchaudio_import import functional

SCALES = ("HTK", "Slaney")
LEAST_POWER, RANGE_DB = 1e-10, 80.0  # as librosa's decibels


@functools.cache
def filters(n_fft: int, mels: int, hertz: int, low: float, high: float, scale: str = "HTK") -> Tensor:
    """Mel filters [Q, F]."""
    norm = "slaney" if scale == "Slaney" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about empty bands: told by :func:`empty_bands`
        made: Tensor = functional().melscale_fbanks(
            n_fft // 2 + 1, low, high, mels, hertz, norm=norm, mel_scale=scale.lower()
        )
    return made


def empty_bands(filters_QF: Tensor) -> int:
    """How many bands no frequency of the spectrum falls into."""
    return int((filters_QF.amax(0) == 0).sum())


def mel_power(waveform_S: Tensor, filters_QF: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power in every mel band and frame [F, T]."""
    return filters_QF.T @ power(waveform_S, n_fft, hop)


def decibels(power_FT: Tensor) -> Tensor:
    """Decibels [F, T], no further than 80 below this clip's own loudest."""
    made_FT = 10 * power_FT.clamp_min(LEAST_POWER).log10()
    return made_FT.clamp_min(float(made_FT.max()) - RANGE_DB)


def cepstrum(decibels_FT: Tensor, count: int) -> Tensor:
    """The first coefficients of an orthonormal DCT-II over the bands [K, T]."""
    return _dct(len(decibels_FT), count) @ decibels_FT


@functools.cache
def _dct(bands: int, count: int) -> Tensor:
    place_F, order_K1 = (
        torch.arange(bands, dtype=torch.float64) + 0.5,
        torch.arange(count, dtype=torch.float64)[:, None],
    )
    made_KF = torch.cos(math.pi / bands * place_F * order_K1) * math.sqrt(2 / bands)
    made_KF[0] /= math.sqrt(2)
    return made_KF.float()
