"""Frames of a video side by side along its time, each cut to its field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from widgets.look.pictures import image_of


def paint_frames(painter: QPainter, place: QRectF, tiles: Sequence[NDArray[np.uint8]]) -> None:
    """Frames [H, W, 3] of equal parts of the time, from left to right."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    wide = place.width() / max(len(tiles), 1)
    for number, tile in enumerate(tiles):
        image = image_of(tile)
        left, right = (round(place.left() + edge * wide) for edge in (number, number + 1))  # no gap between two
        field = QRectF(left, place.top(), right - left, place.height())
        painter.drawImage(field, image, _middle(image, wide / max(place.height(), 1.0)))


def _middle(tile: QImage, shape: float) -> QRectF:
    """The part of a frame that fills a field of this width to height."""
    wide, high = tile.width(), tile.height()
    if shape < wide / high:
        return QRectF((wide - high * shape) / 2, 0, high * shape, high)
    return QRectF(0, (high - wide / shape) / 2, wide, wide / shape)
