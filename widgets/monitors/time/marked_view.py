"""Clips as rows on one scale of time: true spans above, found ones below, in the colour of what they are called."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.ranges import nice_above
from widgets.monitors.time.marked_times import Clip, Drawn, MarkedValue

GAP, LEAST_LANE, MOST_LANE = 4, 5, 16
FAINT = 0.35  # how strong the colour of a span is that is hardly sure


class MarkedTracks(QWidget):
    """Every clip of the step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: MarkedValue | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Events in time at the cursor"))

    def set_value(self, value: MarkedValue) -> None:
        """Show these."""
        self._value = value
        self.setAccessibleDescription("; ".join(in_words(clip) for clip in value.clips[:8]))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, 160)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 60)

    def rows(self) -> list[tuple[Clip, QRectF]]:
        """As many clips as have room, each with its place right of the names and above the axis."""
        clips = self._value.clips if self._value is not None else ()
        left, foot = self._margin(), self.fontMetrics().height() + 4
        room = self.height() - foot
        count = max(1, min(len(clips), int((room + GAP) // (self._lanes() * LEAST_LANE + GAP))))
        height = min((room + GAP) / count - GAP, self._lanes() * MOST_LANE)
        return [
            (clip, QRectF(left, n * (height + GAP), self.width() - left - 2, height))
            for n, clip in enumerate(clips[:count])
        ]

    def spans(self) -> list[tuple[Drawn, QRectF, bool]]:
        """Every span with its place, and whether it is a true one."""
        value = self._value
        if value is None or not value.seconds:
            return []
        found, end = [], nice_above(value.seconds)
        for clip, place in self.rows():
            lane = place.height() / self._lanes()
            sides = ((clip.true, True), (clip.found, False)) if value.has_true else ((clip.found, False),)
            for number, (spans, is_true) in enumerate(sides):
                for one in spans:
                    x, width = (edge / end * place.width() for edge in (one.span.start, one.span.seconds))
                    box = QRectF(place.left() + x, place.top() + number * lane, max(width, 1.5), lane - 1)
                    found.append((one, box, is_true))
        return found

    def _lanes(self) -> int:
        return 2 if self._value is not None and self._value.has_true else 1

    def _margin(self) -> int:
        names = [name_of(clip) for clip in self._value.clips] if self._value is not None else []
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)
        return min(widest + 6, self.width() // 3)

    def paintEvent(self, event: QPaintEvent) -> None:
        value = self._value
        if value is None:
            return
        painter = QPainter(self)
        for clip, place in self.rows():
            painter.fillRect(place, QColor(theme().raised))
            painter.setPen(QColor(theme().muted))
            name = QRectF(0, place.top(), place.left() - 4, place.height())
            painter.drawText(name, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name_of(clip))
        for one, box, is_true in self.spans():
            self._paint_span(painter, one, box, is_true)
        self._paint_axis(painter)
        painter.end()

    def _paint_span(self, painter: QPainter, one: Drawn, box: QRectF, is_true: bool) -> None:
        assert self._value is not None
        colour = QColor(theme().series[self._value.labels.index(one.label) % len(theme().series)])
        if not is_true:
            colour.setAlphaF(FAINT + (1 - FAINT) * max(0.0, min(1.0, one.score)))
        painter.fillRect(box, colour)
        if is_true:
            painter.setPen(QColor(theme().text))
            painter.drawLine(box.bottomLeft(), box.bottomRight())
        metrics = self.fontMetrics()
        if box.height() >= metrics.height() - 4 and box.width() >= metrics.horizontalAdvance(one.label) + 2:
            painter.setPen(QColor(theme().window if colour.alphaF() > 0.7 else theme().text))
            painter.drawText(box.adjusted(0, -3, 0, 3), Qt.AlignmentFlag.AlignCenter, one.label)

    def _paint_axis(self, painter: QPainter) -> None:
        rows = self.rows()
        if not rows or self._value is None or not self._value.seconds:
            return
        place, end = rows[-1][1], nice_above(self._value.seconds)
        painter.setPen(QColor(theme().muted))
        for share in (0.0, 0.5, 1.0):
            words = tr("{seconds} s", seconds=f"{share * end:.3g}")
            width = self.fontMetrics().horizontalAdvance(words)
            x = min(place.left() + share * place.width() - width / 2, self.width() - width)
            painter.drawText(QPointF(max(place.left(), x), place.bottom() + self.fontMetrics().ascent() + 2), words)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._value is not None:
            QToolTip.showText(event.globalPos(), plain_tip(self.words_at(QPointF(event.pos()))), self)
            return True
        return super().event(event)

    def words_at(self, where: QPointF) -> str:
        """What lies there: its name, from when to when, and how sure that is."""
        found = next(((one, is_true) for one, box, is_true in self.spans() if box.contains(where)), None)
        if found is None:
            return ""
        one, is_true = found
        times = tr("{start} to {end} s", start=f"{one.span.start:.2f}", end=f"{one.span.end:.2f}")
        sure = tr("true") if is_true else tr("probability {value}", value=f"{one.score:.2f}")
        return f"{one.label} · {times} · {sure}"


def name_of(clip: Clip) -> str:
    """Its split in words, and its number there."""
    split, _, number = clip.name.rpartition("/")
    return f"{tr(split)} {number}" if split else clip.name


def in_words(clip: Clip) -> str:
    """A clip for who cannot see it."""
    return f"{name_of(clip)}: {', '.join(one.label for one in clip.found) or tr('nothing found')}"
