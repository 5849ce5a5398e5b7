"""What a look at a set of sounds finds: lengths, silence, clipping, and clips that are the same or nearly so in two splits.

Nearly the same: thumbnails of the loudness by time and frequency agree, as of one recording at another volume or in another
file format. Axes: S samples, F bands, T parts of the time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.features.mel import decibels, filters, mel_power
from core.data.media import Wave

SILENT = 10 ** (-60 / 20)  # loudest sample, of full scale: below, nothing can be heard
FULL, CLIPPED_RUN, CLIPPED_SHARE = 0.999, 3, 0.0005  # so many samples in a row at full scale, and how many in all
N_FFT, BANDS, PARTS = 512, 16, 16
ALIKE = 0.1  # root mean square between two thumbnails of deviation 1
QUIET_DB = 45.0  # below the loudest place: what a lossy file leaves out
EVEN_DB = 1.0  # deviation in decibels: below, a clip is hum or noise, and its thumbnail tells nothing


@dataclass(frozen=True, kw_only=True)
class Ear:
    """What is kept of one clip."""

    seconds: float
    is_silent: bool
    is_clipped: bool
    content: str
    thumbnail: NDArray[np.float32] | None  # flat [F T], mean 0, deviation 1; None where it tells nothing


def heard(wave: Wave) -> Ear:
    """One clip, listened to."""
    own_S = wave.own_S
    loudest = float(own_S.abs().max()) if len(own_S) else 0.0
    levels = (own_S.clamp(-1, 1) * 32767).round().to(torch.int16).numpy()
    return Ear(
        seconds=len(own_S) / wave.hertz, is_silent=loudest < SILENT, is_clipped=clipped(own_S.numpy()),
        content=hashlib.sha256(levels.tobytes()).hexdigest(), thumbnail=None if loudest < SILENT else _thumbnail(wave),
    )  # fmt: skip


def clipped(samples_S: NDArray[np.float32]) -> bool:
    """Whether its loudest places are cut off: runs of samples at full scale, not single ones."""
    at_full = np.abs(samples_S) >= FULL
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at_full.astype(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    return bool(runs[runs >= CLIPPED_RUN].sum() > CLIPPED_SHARE * len(samples_S))


def alike(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which of the other thumbnails [n, F T] are nearly the same."""
    found: NDArray[np.intp] = np.flatnonzero(np.sqrt(np.square(others - one).mean(1)) <= ALIKE)
    return found


def _thumbnail(wave: Wave) -> NDArray[np.float32] | None:
    own_S = wave.own_S
    if len(own_S) < N_FFT * 2:
        return None
    bands_QF = filters(N_FFT, BANDS, wave.hertz, 0.0, min(wave.hertz / 2, 8000.0), "Slaney")
    loud_FT = decibels(mel_power(own_S, bands_QF, N_FFT, max(1, len(own_S) // (4 * PARTS))))
    loud_FT = loud_FT.clamp_min(float(loud_FT.max()) - QUIET_DB)
    small_FT = torch.nn.functional.adaptive_avg_pool1d(loud_FT[None], PARTS)[0]
    spread = float(small_FT.std())
    return None if spread < EVEN_DB else ((small_FT - small_FT.mean()) / spread).flatten().numpy()
