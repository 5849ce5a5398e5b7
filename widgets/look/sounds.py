"""Sounds as pictures: the outline of a waveform, and a spectrogram. Axes: S samples, C columns, F frequencies, T frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from widgets.look.pictures import heat_of

COLUMNS = 240  # of an outline
WINDOW, HOP = 512, 128  # samples of the spectrogram that is shown
MOST_FRAMES = 600  # of it: a long sound is looked at more coarsely
NOTHING, OVER = "#10122c", "#ffffff"  # behind a spectrogram in either theme, and words over it
DECIBELS = 80.0  # from the loudest down to what is shown as nothing


def outline_of(samples_S: NDArray[np.float32], columns: int = COLUMNS) -> NDArray[np.float32]:
    """Lowest and highest sample of each of so many columns, [2, C]; fewer where there are fewer samples."""
    columns = min(columns, len(samples_S))
    if not columns:
        return np.zeros((2, 1), dtype=np.float32)
    starts = np.arange(columns) * len(samples_S) // columns
    return np.stack([np.minimum.reduceat(samples_S, starts), np.maximum.reduceat(samples_S, starts)])


def spectrogram_of(samples_S: NDArray[np.float32]) -> QImage:
    """Loudness by frequency (low ones below) and time: magnitudes of a Hann window's Fourier transform, in decibels."""
    padded_S = np.pad(samples_S, (WINDOW // 2, WINDOW // 2))
    hop = max(HOP, -(-len(samples_S) // MOST_FRAMES))
    frames_TW = np.lib.stride_tricks.sliding_window_view(padded_S, WINDOW)[::hop]
    loud_TF = np.abs(np.fft.rfft(frames_TW * np.hanning(WINDOW).astype(np.float32), axis=1))
    decibels_TF = 20 * np.log10(np.maximum(loud_TF, 1e-9) / max(float(loud_TF.max()), 1e-9))
    shown_FT = np.clip(1 + decibels_TF / DECIBELS, 0, 1).T[::-1].astype(np.float32)
    return heat_of(shown_FT, ceiling=1.0)
