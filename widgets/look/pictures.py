"""Pictures from arrays, and heat over them: the one colour ramp that every attention map wears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

RAMP = np.asarray(
    [[20, 22, 60, 0], [72, 40, 140, 110], [190, 55, 105, 165], [245, 130, 50, 190], [255, 235, 130, 215]],
    dtype=np.float32,
)  # [stops, RGBA] from nothing to all

DIVERGING = np.asarray(
    [[40, 130, 255, 225], [70, 140, 235, 130], [128, 128, 128, 0], [235, 120, 70, 130], [255, 110, 30, 225]],
    dtype=np.float32,
)  # [stops, RGBA] from less through the same to more


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """A picture [H, W, 3] as Qt draws it; the pixels are copied."""
    pixels = np.ascontiguousarray(pixels[..., :3], dtype=np.uint8)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def heat_of(weights: NDArray[np.float32], ceiling: float = 0.0) -> QImage:
    """Weights [h, w] as a transparent-to-bright picture; ``ceiling`` is what counts as all (0: the largest)."""
    highest = ceiling or float(np.nanmax(weights, initial=0.0)) or 1.0
    return _coloured(np.nan_to_num(weights) / highest, RAMP)


def difference_of(weights: NDArray[np.float32], ceiling: float = 0.0) -> QImage:
    """Differences [h, w]: nothing where there is none, blue below, orange above; ``ceiling`` is what counts as all, both ways."""
    highest = ceiling or float(np.nanmax(np.abs(weights), initial=0.0)) or 1.0
    return _coloured((np.nan_to_num(weights) / highest + 1) / 2, DIVERGING)


def _coloured(share: NDArray[np.float32], ramp: NDArray[np.float32]) -> QImage:
    place = np.clip(share, 0, 1) * (len(ramp) - 1)
    lower = np.minimum(place.astype(np.int64), len(ramp) - 2)
    rest = (place - lower)[..., None]
    pixels = np.ascontiguousarray((ramp[lower] * (1 - rest) + ramp[lower + 1] * rest).astype(np.uint8))
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def fitted(width: float, height: float, within: QRectF) -> QRectF:
    """The largest rectangle of these proportions in the middle of another."""
    scale = min(within.width() / max(width, 1e-9), within.height() / max(height, 1e-9))
    size_x, size_y = width * scale, height * scale
    return QRectF(within.center() - QPointF(size_x / 2, size_y / 2), within.center() + QPointF(size_x / 2, size_y / 2))


def draw_picture(painter: QPainter, place: QRectF, picture: QImage, heat: QImage | None = None) -> None:
    """A picture, and heat over it in hard-edged patches."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, picture.width() > place.width() or heat is None)
    painter.drawImage(place, picture)
    if heat is not None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(place, heat)


def heat_colour(share: float, colour: str, behind: str) -> QColor:
    """How strongly a word is lit, from 0 to 1, as a background behind it."""
    front, back = QColor(colour), QColor(behind)
    share = 0.12 + 0.7 * min(max(share, 0.0), 1.0)
    return QColor(*(round(a * share + b * (1 - share)) for a, b in zip(front.getRgb()[:3], back.getRgb()[:3])))


def readable(words: Sequence[str]) -> tuple[str, ...]:
    """Pieces of text as chips: without the blanks around them; one of blanks alone, and special tokens, which say nothing, get a name."""
    names = ("␣" if word else "⟨start⟩" if index == 0 else "⟨end⟩" for index, word in enumerate(words))
    return tuple(word.strip() or name for word, name in zip(words, names, strict=True))
