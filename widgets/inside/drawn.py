"""What a value looks like: a picture with its grid, bands, a matrix, a histogram, words, frames, a waveform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QWidget

from core.graph.inside import Numbers
from widgets.look.frames import paint_frames
from widgets.look.language import tr
from widgets.look.pictures import draw_picture, fitted, heat_colour, heat_of, image_of, readable
from widgets.look.plain import plain_tip
from widgets.look.sounds import paint_outline, paint_seconds
from widgets.look.theme import theme

PICTURE, BARS, WAVE, STRIP, AXIS = 190, 54, 70, 64, 16  # pixels high
LEAST_MATRIX, MOST_MATRIX = 60, 170
DENSEST = 40  # rows or columns of a grid that is drawn as lines
MOST_WORDS = 80


class Drawn(QWidget):
    """Something painted, of a fixed height, that says in words what it shows."""

    def __init__(self, height: int, words: str) -> None:
        super().__init__()
        self.setFixedHeight(height)
        self.setAccessibleName(words)
        self.setToolTip(plain_tip(words))

    def paint(self, painter: QPainter, room: QRectF) -> None:
        """Draw it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter, QRectF(self.rect()))
        painter.end()


class Picture(Drawn):
    """A picture, or bands, with the cells of its tokens and the norm of each."""

    def __init__(
        self, image: QImage, words: str, grid: tuple[int, int] | None = None, heat: NDArray[np.float32] | None = None,
        whole: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(PICTURE if not whole else 110, words)
        self._image, self._grid, self._whole = image, grid, whole
        self._heat = (
            None if heat is None else heat_of(heat - np.nanmin(heat, initial=float(np.nanmax(heat, initial=0.0))))
        )

    def paint(self, painter: QPainter, room: QRectF) -> None:
        place = room if self._whole else fitted(self._image.width(), self._image.height(), room)
        draw_picture(painter, place, self._image, None)
        if (
            self._image.width() <= 64 and not self._whole
        ):  # a tiny one by whole pixels, so that it shows what a model sees
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(place, self._image)
        if self._heat is not None:
            painter.setOpacity(0.75)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.drawImage(place, self._heat)
            painter.setOpacity(1.0)
        if self._grid is not None and max(self._grid) <= DENSEST:
            self._paint_grid(painter, place, *self._grid)

    def _paint_grid(self, painter: QPainter, place: QRectF, rows: int, columns: int) -> None:
        painter.setPen(QPen(QColor(255, 255, 255, 130), 0))
        for n in range(rows + 1):
            y = place.top() + place.height() * n / rows
            painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
        for n in range(columns + 1):
            x = place.left() + place.width() * n / columns
            painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))


class Matrix(Drawn):
    """Numbers as cells: blue below zero, red above, by the largest of either sign."""

    def __init__(self, values: NDArray[np.float32], words: str, square: bool = False) -> None:
        rows = values.shape[0]
        super().__init__(
            MOST_MATRIX if square else min(max(rows * 4, LEAST_MATRIX if rows > 1 else 22), MOST_MATRIX), words
        )
        self._image, self._square = signed(values), square

    def paint(self, painter: QPainter, room: QRectF) -> None:
        place = fitted(1, 1, room) if self._square else room
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(place, self._image)


def signed(values: NDArray[np.float32]) -> QImage:
    """A matrix as a picture between two colours, the paper in the middle; what is not finite is grey."""
    finite = np.isfinite(values)
    most = float(np.abs(values[finite]).max(initial=0.0)) or 1.0
    share = np.clip(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) / most, -1, 1)[..., None]
    paper, warm, cold = (_rgb(colour) for colour in (theme().raised, theme().bad, theme().accent))
    pixels = np.where(share >= 0, paper + (warm - paper) * share, paper + (cold - paper) * -share)
    pixels = np.where(finite[..., None], pixels, 128.0).astype(np.uint8)
    return image_of(pixels)


def _rgb(colour: str) -> NDArray[np.float32]:
    return np.asarray(QColor(colour).getRgb()[:3], dtype=np.float32)


class Histogram(Drawn):
    """How values are spread, with zero marked where it lies among them."""

    def __init__(self, numbers: Numbers) -> None:
        words = tr("Values from {low} to {high}", low=f"{numbers.least:.3g}", high=f"{numbers.most:.3g}")
        super().__init__(BARS + AXIS, words)
        self._numbers = numbers

    def paint(self, painter: QPainter, room: QRectF) -> None:
        counts, edges = self._numbers.counts, self._numbers.edges
        most, wide = max(counts, default=1) or 1, room.width() / max(len(counts), 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme().accent))
        for place, count in enumerate(counts):
            high = BARS * count / most
            painter.drawRect(QRectF(place * wide, BARS - high, max(wide - 1, 1), high))
        painter.setPen(QColor(theme().muted))
        field = QRectF(0, BARS + 1, room.width(), AXIS)
        for side, value in ((Qt.AlignmentFlag.AlignLeft, edges[0]), (Qt.AlignmentFlag.AlignRight, edges[-1])):
            painter.drawText(field, side, f"{value:.3g}")
        if edges[0] < 0 < edges[-1]:
            x = room.width() * -edges[0] / (edges[-1] - edges[0])
            painter.drawLine(QPointF(x, 0), QPointF(x, BARS))
            if 50 < x < room.width() - 50:
                painter.drawText(QRectF(x - 20, BARS + 1, 40, AXIS), Qt.AlignmentFlag.AlignHCenter, "0")


class Frames(Drawn):
    """Frames of a film along its time."""

    def __init__(self, tiles: Sequence[NDArray[np.uint8]], starts: Sequence[float]) -> None:
        times = ", ".join(f"{start:.2f}" for start in starts)
        super().__init__(STRIP, tr("Frames at {times} s", times=times))
        self._tiles = tiles

    def paint(self, painter: QPainter, room: QRectF) -> None:
        paint_frames(painter, room, self._tiles)


class Sound(Drawn):
    """A waveform over its seconds."""

    def __init__(self, samples_S: NDArray[np.float32], hertz: int) -> None:
        self._samples, self._seconds = samples_S, len(samples_S) / max(hertz, 1)
        words = tr("{seconds} s of audio at {hertz} Hz", seconds=f"{self._seconds:.2f}", hertz=f"{hertz:,}")
        super().__init__(WAVE + AXIS, words)

    def paint(self, painter: QPainter, room: QRectF) -> None:
        if len(self._samples):
            paint_outline(painter, QRectF(0, 0, room.width(), WAVE), self._samples)
        paint_seconds(painter, QRectF(0, WAVE, room.width(), AXIS), self._seconds)


class Words(QLabel):
    """Pieces of text with their numbers; lit by the norm of each one's token."""

    def __init__(self, words: Sequence[str], ids: Sequence[int], lit: Sequence[float]) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        shown = readable(words) if words else tuple(str(number) for number in ids)
        self._shown = tuple(zip(shown, ids or (0,) * len(shown), lit or (None,) * len(shown), strict=False))[
            :MOST_WORDS
        ]
        self._places: list[QRectF] = []
        self.setAccessibleName(" ".join(shown))
        self._lay(260)

    def _lay(self, width: int) -> None:
        """Chips in rows; each as wide as its word and its number."""
        metrics, x, y, high = self.fontMetrics(), 0.0, 0.0, 2.0 * self.fontMetrics().height() + 4
        self._places = []
        for word, number, _ in self._shown:
            wide = max(metrics.horizontalAdvance(word), metrics.horizontalAdvance(str(number))) + 12.0
            if x + wide > width and x:
                x, y = 0.0, y + high + 4
            self._places.append(QRectF(x, y, wide, high))
            x += wide + 4
        self.setFixedHeight(round(y + high + 2))

    def resizeEvent(self, event: object) -> None:
        self._lay(self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        norms = [lit for _, _, lit in self._shown if lit is not None]
        low, high = min(norms, default=0.0), max(norms, default=1.0)
        for (word, number, lit), place in zip(self._shown, self._places, strict=True):
            share = 0.0 if lit is None else (lit - low) / ((high - low) or 1.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(
                QColor(theme().raised) if lit is None else heat_colour(0.6 * share, theme().accent, theme().panel)
            )
            painter.drawRoundedRect(place, 5, 5)
            half = QRectF(place.x(), place.y() + 2, place.width(), place.height() / 2)
            painter.setPen(QColor(theme().text))
            painter.drawText(half, Qt.AlignmentFlag.AlignCenter, word)
            painter.setPen(QColor(theme().muted if lit is None else theme().text))
            painter.drawText(half.translated(0, place.height() / 2 - 3), Qt.AlignmentFlag.AlignCenter, str(number))
        painter.end()


def bands_image(bands_FT: NDArray[np.float32]) -> QImage:
    """Bands over time, low ones below, as dark as their least and as bright as their greatest."""
    low = float(np.nanmin(bands_FT, initial=float(np.nanmax(bands_FT, initial=0.0))))
    heat = heat_of((bands_FT - low)[::-1].astype(np.float32))
    image = QImage(heat.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("#10122c"))
    painter = QPainter(image)
    painter.drawImage(0, 0, heat)
    painter.end()
    return image
