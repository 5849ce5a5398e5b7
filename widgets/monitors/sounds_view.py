"""Made audio as waveforms in rows, the chosen one large (or as a spectrogram), and under it the same one over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.sounds import NOTHING, OVER
from widgets.look.theme import theme
from widgets.monitors.made_sounds import Heard, SoundMoment, SoundsValue, Track
from widgets.monitors.made_view import short

GAP, LEAST_CELL, CELL_WIDTH = 3, 18, 110
MOMENT_WIDTH, MOMENT_HEIGHT = 60, 28


class SoundCells(QWidget):
    """All sounds of the step, one cell each; one is chosen with the mouse or the arrow keys."""

    chosen = Signal(int)
    playWanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: SoundsValue | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Made audio at the cursor"))

    def set_value(self, value: SoundsValue) -> None:
        """Show these."""
        self._value = value
        self.setAccessibleDescription(caption_of(value, value.chosen))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 60)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_CELL, LEAST_CELL)

    def places(self) -> list[QRectF]:
        """Where each lies, row by row."""
        count = len(self._value.sounds) if self._value is not None else 0
        columns = self._columns()
        rows = -(-count // columns)
        height = max(LEAST_CELL, min(60.0, (self.height() + GAP) / max(rows, 1) - GAP))
        width = (self.width() + GAP) / columns - GAP
        return [
            QRectF(n % columns * (width + GAP), n // columns * (height + GAP), width, height) for n in range(count)
        ]  # fmt: skip

    def _columns(self) -> int:
        return max(1, int((self.width() + GAP) // (CELL_WIDTH + GAP)))

    def paintEvent(self, event: QPaintEvent) -> None:
        value = self._value
        if value is None:
            return
        painter = QPainter(self)
        for index, (place, heard) in enumerate(zip(self.places(), value.sounds)):
            paint_wave(painter, place, heard)
            if index == value.chosen:
                painter.setPen(QPen(QColor(theme().accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._under(event.position().x(), event.position().y())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._under(event.position().x(), event.position().y()) is not None:
            self.playWanted.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        value, key = self._value, Qt.Key(event.key())
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._columns(), Qt.Key.Key_Down: self._columns(),
        }  # fmt: skip
        if value is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.playWanted.emit()
        elif value is not None and key in steps and 0 <= value.chosen + steps[key] < len(value.sounds):
            self.chosen.emit(value.chosen + steps[key])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._value is not None:
            index = self._under(event.pos().x(), event.pos().y())
            words = "" if index is None else caption_of(self._value, index)
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)

    def _under(self, x: float, y: float) -> int | None:
        return next((index for index, place in enumerate(self.places()) if place.contains(x, y)), None)


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


class SoundStrip(QWidget):
    """The chosen sound at many steps, oldest first; a click goes there."""

    stepWanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: SoundsValue | None = None
        self.setFixedHeight(MOMENT_HEIGHT + self.fontMetrics().height() + 2)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("The chosen audio over time"))

    def set_value(self, value: SoundsValue) -> None:
        """Show its moments."""
        self._value = value
        self.update()

    def moments(self) -> list[tuple[SoundMoment, QRectF]]:
        """As many as have room, evenly spread, the first and the last among them."""
        found = self._value.moments if self._value is not None else ()
        count = min(max(1, int((self.width() + GAP) // (MOMENT_WIDTH + GAP))), len(found))
        last = len(found) - 1
        kept = [found[round(n * last / max(count - 1, 1)) if count > 1 else last] for n in range(count)]
        return [
            (moment, QRectF(n * (MOMENT_WIDTH + GAP), 0, MOMENT_WIDTH, MOMENT_HEIGHT)) for n, moment in enumerate(kept)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        shown = self._value.step if self._value is not None else -1
        for moment, place in self.moments():
            is_now = moment.step == shown
            paint_wave(painter, place, moment.heard)
            painter.setPen(QColor(theme().accent if is_now else theme().muted))
            if is_now:
                painter.drawRect(place.adjusted(0, 0, -1, -1))
            foot = QRectF(place.left(), place.bottom() + 1, place.width(), self.fontMetrics().height())
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, short(moment.step))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = next((m for m, place in self.moments() if place.contains(event.position())), None)
        if found is not None:
            self.stepWanted.emit(found.step)


def paint_wave(painter: QPainter, place: QRectF, heard: Heard) -> None:
    """A waveform in its place, full scale its height. What is missing is a crossed box."""
    painter.fillRect(place, QColor(theme().raised))
    if heard.outline_2C is None:
        painter.setPen(QPen(QColor(theme().bad), 1))
        painter.drawLine(place.topLeft(), place.bottomRight())
        painter.drawLine(place.bottomLeft(), place.topRight())
        return
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


def caption_of(value: SoundsValue, index: int) -> str:
    """Seed, step and what it was made from, or why it cannot be heard."""
    words = [tr("seed {seed}", seed=value.seeds[index]), tr("step {step}", step=f"{value.step:,}")]
    problem = value.sounds[index].problem
    return " · ".join(
        [
            *words,
            *([value.captions[index]] if index < len(value.captions) else []),
            *([said(problem)] if problem else []),
        ]
    )
