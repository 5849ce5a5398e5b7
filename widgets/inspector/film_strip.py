"""Which frames are taken of a clip: small frames along its time with a mark for each that is taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.graph.reel import Reel
from widgets.look.film_player import FilmPlayer
from widgets.look.frames import paint_frames
from widgets.look.language import in_a_row, said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

HEIGHT, MARKS, PLAYER = 40, 14, 170  # pixels of the frames, of the marks under them, and of the player's picture


class FilmStripView(QWidget):
    """A sentence about the clip, its frames, and marks; or why there is nothing to show."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.strip, self.player = QLabel(), _Strip(), FilmPlayer(height=PLAYER)
        self._reel: Reel | None = None
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.strip)
        column.addWidget(self.words)
        column.addWidget(self.player)
        self.strip.shareClicked.connect(self._play_from)
        self.player.secondsChanged.connect(self._show_seconds)
        self.player.hide()
        self.hide()

    def show_film(
        self, name: str, frames: int, seconds: float, tiles: Sequence[NDArray[np.uint8]], marks: Sequence[float],
        gaps: tuple[float, float] | None, is_drawn: bool, reel: Reel | None = None,
    ) -> None:  # fmt: skip
        """One clip and what is taken of it."""
        told = tr("{taken} of {frames} frames of “{name}”, {seconds} s", taken=len(marks), frames=f"{frames:,}", name=name,
                  seconds=f"{seconds:.2f}")  # fmt: skip
        if gaps is not None:
            told += " · " + tr("{low} to {high} s apart", low=f"{gaps[0]:.2f}", high=f"{gaps[1]:.2f}")
        if is_drawn:
            told += " · " + tr("training draws others every time")
        self.words.setText(told)
        self._reel = reel
        if self.player.reel is not None and (reel is None or reel.origin != self.player.reel.origin):
            self.player.show_reel(None)
            self.player.hide()
        self.strip.set_film(tiles, [mark / max(seconds, 1e-6) for mark in marks], told)
        self.strip.show()
        self.show()

    def _play_from(self, share: float) -> None:
        """A click into the strip opens the player there."""
        if self._reel is None:
            return
        seconds = self._reel.begin + share * (self._reel.end - self._reel.begin)
        if self.player.reel is None:
            self.player.show()
            self.player.show_reel(self._reel, seconds)
        else:
            self.player.seek(seconds)

    def _show_seconds(self, seconds: float) -> None:
        if self._reel is not None:
            self.strip.show_looked_at((seconds - self._reel.begin) / max(self._reel.end - self._reel.begin, 1e-6))

    def show_refusal(self, sentence: str) -> None:
        """Why no clip can be shown; empty shows nothing at all."""
        self.words.setText(said(sentence))
        self._reel = None
        self.player.show_reel(None)
        self.player.hide()
        self.strip.hide()
        self.setVisible(bool(sentence))


class _Strip(QWidget):
    """Frames side by side, marks under them."""

    shareClicked = Signal(float)  # of the clip's time

    def __init__(self) -> None:
        super().__init__()
        self._looked_at: float | None = None  # share of the clip's time at which the player stands
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._tiles: Sequence[NDArray[np.uint8]] = ()
        self._marks: list[float] = []  # shares of the clip's time
        self.setFixedHeight(HEIGHT + MARKS)
        self.setAccessibleName(tr("Frames that are taken"))

    def set_film(self, tiles: Sequence[NDArray[np.uint8]], marks: Sequence[float], words: str) -> None:
        """Frames of equal parts of the time, and where frames are taken, as shares of it."""
        self._tiles = tuple(tiles)
        self._marks = list(marks)
        self._looked_at = None
        self.setToolTip(plain_tip(in_a_row(words, tr("Click to play from there."))))
        self.setAccessibleDescription(words)
        self.update()

    def show_looked_at(self, share: float) -> None:
        """Where the player stands."""
        self._looked_at = share
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.shareClicked.emit(min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_frames(painter, QRectF(0, 0, self.width(), HEIGHT), self._tiles)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = theme()
        painter.setPen(QColor(colours.line))
        painter.drawLine(QPointF(0, HEIGHT + 0.5), QPointF(self.width(), HEIGHT + 0.5))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        for share in self._marks:
            x = min(max(share * self.width(), 4.0), self.width() - 4.0)
            tip = [QPointF(x, HEIGHT + 2), QPointF(x - 4, HEIGHT + 11), QPointF(x + 4, HEIGHT + 11)]
            painter.drawPolygon(QPolygonF(tip))
        if self._looked_at is not None:
            x = self._looked_at * self.width()
            painter.setPen(QPen(QColor(colours.good), 2))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()
