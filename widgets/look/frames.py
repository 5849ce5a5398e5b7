"""Frames of a video: side by side along its time, each cut to its field; or one of them, large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.language import tr
from widgets.look.pictures import fitted, heat_of, image_of
from widgets.look.theme import look, theme


def paint_frames(
    painter: QPainter, place: QRectF, tiles: Sequence[NDArray[np.uint8]], *, edges: Sequence[float] = (),
    lit: NDArray[np.float32] | None = None,
) -> None:  # fmt: skip
    """Frames [H, W, 3] from left to right, of equal parts of the time, or between ``edges``; ``lit``: how strongly each is, [T, h, w]."""
    wide = place.width() / max(len(tiles), 1)
    edges = edges or [place.left() + edge * wide for edge in range(len(tiles) + 1)]
    highest = float(lit.max(initial=0.0)) if lit is not None else 0.0
    for number, tile in enumerate(tiles):
        left, right = round(edges[number]), round(edges[number + 1])  # no gap between two
        field = QRectF(left, place.top(), right - left, place.height())
        image, shape = image_of(tile), field.width() / max(place.height(), 1.0)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(field, image, _middle(image, shape))
        if lit is not None:
            heat = heat_of(lit[number], highest)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(field, heat, _middle(heat, shape))


def _middle(tile: QImage, shape: float) -> QRectF:
    """The part of a frame that fills a field of this width to height."""
    wide, high = tile.width(), tile.height()
    if shape < wide / high:
        return QRectF((wide - high * shape) / 2, 0, high * shape, high)
    return QRectF(0, (high - wide / shape) / 2, wide, wide / shape)


class FilmPicture(QWidget):
    """The frame that is shown; a click plays or pauses."""

    clicked = Signal()

    def __init__(self, height: int) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._high = height
        self.setMinimumHeight(height // 2)  # in a low window
        self.setMaximumHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(tr("Frame of the video"))
        look.changed.connect(self.update)

    def show_image(self, image: QImage | None) -> None:
        """Another frame; None leaves it empty."""
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, self._high)

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().raised))
        if self._image is not None:
            place = fitted(self._image.width(), self._image.height(), QRectF(self.rect()))
            tiny = max(self._image.width(), self._image.height()) * 2 < max(place.width(), place.height())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not tiny)
            painter.drawImage(place, self._image)
        painter.end()
