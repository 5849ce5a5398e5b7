"""Sounds as pictures: the outline of a waveform, and a spectrogram. Axes: S samples, C columns, F frequencies, T frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPolygonF

from widgets.look.language import tr
from widgets.look.pictures import heat_of
from widgets.look.theme import theme

COLUMNS = 240  # of an outline
WINDOW, HOP = 512, 128  # samples of the spectrogram that is shown
MOST_FRAMES = 600  # of it: a long sound is looked at more coarsely
NOTHING, OVER = "#10122c", "#ffffff"  # behind a spectrogram in either theme, and words over it
DECIBELS = 80.0  # from the loudest down to what is shown as nothing
GAP = 6  # pixels between two numbers on an axis, at least


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


def sound_image(samples_S: NDArray[np.float32], width: int, height: int, wave: int) -> QImage:
    """A waveform of so many pixels over a spectrogram."""
    image = QImage(max(width, 1), max(height, 1), QImage.Format.Format_RGB32)
    image.fill(QColor(theme().panel))
    painter = QPainter(image)
    below = QRectF(0, wave, width, height - wave)
    painter.fillRect(below, QColor(NOTHING))
    painter.drawImage(below, spectrogram_of(samples_S))
    paint_outline(painter, QRectF(0, 0, width, wave), samples_S)
    painter.end()
    return image


def paint_outline(painter: QPainter, place: QRectF, samples_S: NDArray[np.float32]) -> None:
    """A waveform in its place, the loudest sample its height."""
    low_C, high_C = outline_of(samples_S, max(1, int(place.width())))
    loudest = float(np.abs(samples_S).max(initial=0.0))
    scale, middle = 0.5 * place.height() / max(loudest, 1e-3), place.center().y()
    step = place.width() / len(low_C)
    upper = [QPointF(place.x() + n * step, middle - float(value) * scale) for n, value in enumerate(high_C)]
    lower = [QPointF(place.x() + n * step, middle - float(value) * scale) for n, value in enumerate(low_C)]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(theme().accent))
    painter.setBrush(QColor(theme().accent))
    painter.drawPolygon(QPolygonF(upper + lower[::-1]))


def paint_seconds(painter: QPainter, place: QRectF, seconds: float) -> None:
    """An axis of time from 0 at the left to so many seconds at the right; a number that has no room is left out."""
    painter.setPen(QColor(theme().muted))
    end = -GAP
    for second in ticks(seconds):
        words = tr("{seconds} s", seconds=f"{second:g}")
        wide = painter.fontMetrics().horizontalAdvance(words) + 2.0
        x = second / seconds * place.width() if seconds else 0.0
        begin = min(max(x - wide / 2, 0.0), max(place.width() - wide, 0.0))
        if begin >= end + GAP:
            field = QRectF(place.left() + begin, place.top(), wide, place.height())
            painter.drawText(field, Qt.AlignmentFlag.AlignHCenter, words)
            end = begin + wide


def ticks(seconds: float) -> list[float]:
    """Round numbers of seconds from the start to the end, not more than nine."""
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
    step = next((step for step in steps if seconds / step <= 8), 1000)
    return [round(n * step, 3) for n in range(int(seconds / step) + 1)]
