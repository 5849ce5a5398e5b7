"""Clips as squares: film downwards, sound to the right, bright where both are alike, with the path and the offsets as lines."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import tr
from widgets.look.pictures import heat_of
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.time.sync_times import SyncClip, SyncValue, is_right

GAP, LEAST = 8, 56  # pixels between squares, and of the smallest one


class SyncSquares(QWidget):
    """Every clip of the step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: SyncValue | None = None
        self._pitch = 0.0  # pixels from one square to the next
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Sound and film in time at the cursor"))

    def set_value(self, value: SyncValue) -> None:
        """Show these."""
        self._value = value
        self.setAccessibleDescription("; ".join(in_words(clip) for clip in value.clips[:8]))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, 160)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 80)

    def squares(self) -> list[tuple[SyncClip, QRectF]]:
        """As many clips as have room, each with its place above its words."""
        clips = self._value.clips if self._value is not None else ()
        foot = 2 * self.fontMetrics().height() + 2
        edge, columns = self._fitted(len(clips), foot)
        while edge < LEAST and len(clips) > 1:  # then fewer of them
            clips = clips[:-1]
            edge, columns = self._fitted(len(clips), foot)
        edge = max(edge, 16.0)
        self._pitch = max(edge + GAP, (self.width() + GAP) / columns)
        beside = (self._pitch - GAP - edge) / 2
        return [
            (clip, QRectF(beside + n % columns * self._pitch, n // columns * (edge + foot + GAP), edge, edge))
            for n, clip in enumerate(clips)
        ]

    def _fitted(self, count: int, foot: int) -> tuple[float, int]:
        """The largest edge of so many squares with words below them, and how many stand side by side."""
        edge, columns = 0.0, 1
        for across in range(1, max(1, count) + 1):
            down = math.ceil(count / across)
            fits = min((self.width() + GAP) / across - GAP, (self.height() + GAP) / max(down, 1) - GAP - foot)
            if fits > edge:
                edge, columns = fits, across
        return edge, columns

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for clip, place in self.squares():
            self._paint_clip(painter, clip, place)
        painter.end()

    def _paint_clip(self, painter: QPainter, clip: SyncClip, place: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(place, QColor("#14163c"))  # what the heat's colours are made for, in either theme
        painter.drawImage(place, heat_of(clip.alike_TS.clip(0, None), 1.0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.save()
        painter.setClipRect(place)
        if clip.true is not None:
            self._paint_offset(painter, place, clip, clip.true, QPen(QColor("white"), 1.2, Qt.PenStyle.DashLine))
        if clip.found is not None:
            self._paint_offset(painter, place, clip, clip.found, QPen(QColor(theme().accent), 1.6))
        path = QPolygonF([self.at(place, clip, int(row), int(column)) for row, column in clip.path_P2])
        painter.setPen(QPen(QColor("#7fe08a"), 1.2))
        painter.drawPolyline(path)
        painter.restore()
        self._paint_words(painter, clip, place)

    def _paint_offset(self, painter: QPainter, place: QRectF, clip: SyncClip, seconds: float, pen: QPen) -> None:
        """The line along which the sound is so late."""
        assert self._value is not None
        right = seconds / self._value.frame / clip.alike_TS.shape[1] * place.width()
        painter.setPen(pen)
        painter.drawLine(place.topLeft() + QPointF(right, 0), place.bottomRight() + QPointF(right, 0))

    def at(self, place: QRectF, clip: SyncClip, row: int, column: int) -> QPointF:
        """The middle of a pair of moments."""
        rows, columns = clip.alike_TS.shape
        return QPointF(
            place.left() + (column + 0.5) / columns * place.width(), place.top() + (row + 0.5) / rows * place.height()
        )

    def _paint_words(self, painter: QPainter, clip: SyncClip, place: QRectF) -> None:
        assert self._value is not None
        line = self.fontMetrics().height()
        metrics, colour = self.fontMetrics(), theme().muted
        if clip.true is not None and clip.found is not None:
            colour = theme().good if is_right(clip, self._value.frame) else theme().bad
        for number, (words, pen) in enumerate(((said(clip), colour), (truth(clip), theme().muted))):
            middle, width = place.center().x(), self._pitch - 2
            foot = QRectF(middle - width / 2, place.bottom() + 1 + number * line, width, line)
            painter.setPen(QColor(pen))
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(foot.width()))
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, shown)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._value is not None:
            QToolTip.showText(event.globalPos(), plain_tip(self.words_at(QPointF(event.pos()))), self)
            return True
        return super().event(event)

    def words_at(self, where: QPointF) -> str:
        """Which moments meet there, and how alike they are; below a square, what is said of the clip."""
        for clip, place in self.squares():
            if place.contains(where):
                rows, columns = clip.alike_TS.shape
                row = min(int((where.y() - place.top()) / place.height() * rows), rows - 1)
                column = min(int((where.x() - place.left()) / place.width() * columns), columns - 1)
                return f"{name_of(clip)} · " + tr(
                    "film at {film} s, sound at {sound} s: likeness {value}", film=f"{self._seconds(row):.2f}",
                    sound=f"{self._seconds(column):.2f}", value=f"{clip.alike_TS[row, column]:.2f}",
                )  # fmt: skip
            if place.adjusted(0, place.height(), 0, 2 * self.fontMetrics().height() + 2).contains(where):
                return in_words(clip)
        return ""

    def _seconds(self, frame: int) -> float:
        assert self._value is not None
        return self._value.first + frame * self._value.frame


def name_of(clip: SyncClip) -> str:
    """Its split in words, and its number there."""
    split, _, number = clip.name.rpartition("/")
    return f"{tr(split)} {number}" if split else clip.name


def said(clip: SyncClip) -> str:
    """The offset, or that none is said."""
    return tr("not said") if clip.found is None else tr("{seconds} s", seconds=f"{clip.found:+.2f}")


def truth(clip: SyncClip) -> str:
    """The true offset, where it is known; else which clip it is."""
    return name_of(clip) if clip.true is None else tr("true {seconds}", seconds=f"{clip.true:+.2f}")


def in_words(clip: SyncClip) -> str:
    """A clip for who cannot see it."""
    sure = tr("probability {value}", value=f"{clip.sure:.2f}")
    return f"{name_of(clip)}: {said(clip)} · {sure} · {truth(clip)}"
