"""Made audio as waveforms in rows, the chosen one large (or as a spectrogram), and under it the same one over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.look.language import said, tr
from widgets.look.sounds import NOTHING, OVER
from widgets.look.theme import theme
from widgets.monitors.made.cells import GAP, Cells, Strip, cross_out, mark_chosen
from widgets.monitors.made.made_sounds import Heard, SoundMoment, SoundsValue, Track

LEAST_CELL, CELL_WIDTH = 18, 110
MOMENT = QSize(60, 28)


class SoundCells(Cells):
    """All sounds of the step; a double click or Enter plays."""

    playWanted = Signal()
    _value: SoundsValue | None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Made audio at the cursor"), QSize(240, 60), QSize(LEAST_CELL, LEAST_CELL), parent)

    def count(self) -> int:
        """All of the step."""
        return len(self._value.sounds) if self._value is not None else 0

    def columns(self) -> int:
        """As many as are wide enough to be told apart."""
        return max(1, int((self.width() + GAP) // (CELL_WIDTH + GAP)))

    def places(self) -> list[QRectF]:
        """Where each lies, row by row."""
        count, columns = self.count(), self.columns()
        rows = -(-count // columns)
        height = max(LEAST_CELL, min(60.0, (self.height() + GAP) / max(rows, 1) - GAP))
        width = (self.width() + GAP) / columns - GAP
        return [
            QRectF(n % columns * (width + GAP), n // columns * (height + GAP), width, height) for n in range(count)
        ]  # fmt: skip

    def paintEvent(self, event: QPaintEvent) -> None:
        value = self._value
        if value is None:
            return
        painter = QPainter(self)
        for index, (place, heard) in enumerate(zip(self.places(), value.sounds)):
            paint_wave(painter, place, heard)
            if index == value.chosen:
                mark_chosen(painter, place)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.under(event.position().x(), event.position().y())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.under(event.position().x(), event.position().y()) is not None:
            self.playWanted.emit()

    def under(self, x: float, y: float) -> int | None:
        """The sound whose cell it is."""
        return next((index for index, place in enumerate(self.places()) if place.contains(x, y)), None)

    def caption(self, index: int) -> str:
        """With why it cannot be heard."""
        problem = said(self._value.sounds[index].problem) if self._value is not None else ""
        return " · ".join(part for part in (super().caption(index), problem) if part)

    def enter(self) -> None:
        """Play it."""
        self.playWanted.emit()


class SoundTracks(QWidget):
    """The chosen sound of every run, its original before it, on one scale of time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: SoundsValue | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("The chosen audio"))

    def set_value(self, value: SoundsValue) -> None:
        """Show its tracks."""
        self._value = value
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 90)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_CELL, 2 * LEAST_CELL)

    def places(self) -> list[tuple[Track, QRectF]]:
        """Each as wide as it is long beside the longest."""
        tracks = self._value.tracks if self._value is not None else ()
        longest = max([track.heard.seconds for track in tracks], default=0.0) or 1.0
        height = (self.height() + GAP) / max(len(tracks), 1) - GAP
        return [
            (track, QRectF(0, n * (height + GAP), self.width() * (track.heard.seconds / longest or 1.0), height))
            for n, track in enumerate(tracks)
        ]  # fmt: skip

    def track_at(self, at: QPoint) -> Track | None:
        """The track there."""
        return next((track for track, place in self.places() if place.contains(at)), None)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for track, place in self.places():
            if track.spectrogram is not None:
                painter.fillRect(place, QColor(NOTHING))
                painter.drawImage(place, track.spectrogram)
            else:
                paint_wave(painter, place, track.heard)
            painter.setPen(QColor(theme().muted if track.spectrogram is None else OVER))
            painter.drawText(
                place.adjusted(4, 1, -4, -1), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, self._words(track)
            )
        painter.end()

    def _words(self, track: Track) -> str:
        role = tr("original audio") if track.role == "original" else ""
        several = self._value is not None and len({one.run for one in self._value.tracks}) > 1
        if track.heard.problem:
            return said(track.heard.problem)
        length = tr("{seconds} s", seconds=f"{track.heard.seconds:.2f}")
        return " · ".join(part for part in (track.run if several else "", role, length) if part)


class SoundStrip(Strip):
    """The chosen sound over time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("The chosen audio over time"), MOMENT, parent)

    def paint(self, painter: QPainter, place: QRectF, moment: SoundMoment) -> None:
        """A waveform."""
        paint_wave(painter, place, moment.heard)


def paint_wave(painter: QPainter, place: QRectF, heard: Heard) -> None:
    """A waveform in its place, full scale its height. What is missing is a crossed box."""
    if heard.outline_2C is None:
        cross_out(painter, place)
        return
    painter.fillRect(place, QColor(theme().raised))
    painter.setPen(QPen(QColor(theme().accent), 1))
    for x in range(int(place.width())):
        low, high = _between(heard.outline_2C, x / place.width(), (x + 1) / place.width())
        middle, half = place.center().y(), place.height() / 2 - 1
        painter.drawLine(
            int(place.left()) + x, round(middle - high * half), int(place.left()) + x, round(middle - low * half)
        )


def _between(outline_2C: NDArray[np.float32], start: float, end: float) -> tuple[float, float]:
    """The lowest and the highest of a part of an outline, within full scale."""
    count = outline_2C.shape[1]
    first = min(int(start * count), count - 1)
    last = max(first + 1, int(end * count))
    return max(float(outline_2C[0, first:last].min()), -1.0), min(float(outline_2C[1, first:last].max()), 1.0)
