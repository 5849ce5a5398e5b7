"""Parallel coordinates: an upright line an axis, a polyline a configuration, coloured by its metric; drag on an axis to brush."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from core.graph.sweep import Axis
from core.runs.verdict import ConfigurationRow, Table, is_share
from widgets.look.language import tr
from widgets.look.theme import look, theme
from widgets.sweeps.scale import Scale, scale_of, value_scale
from widgets.sweeps.words import figure_words

SIDE, TOP, BOTTOM = 64, 44, 30
GRIP = 26.0  # pixels beside an axis that belong to it
LEAST_BRUSH = 0.02


class ParallelPlot(QWidget):
    """Announces which configurations the brushes leave."""

    brushed = Signal(object)  # frozenset of configuration names, or None where nothing is brushed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ConfigurationRow, ...] = ()
        self._scales: tuple[Scale, ...] = ()
        self._titles: tuple[str, ...] = ()
        self._higher = True
        self._brushes: dict[str, tuple[float, float]] = {}  # axis -> share of its length
        self._pulled: tuple[str, float] | None = None
        self.setMinimumSize(190, 150)
        self.setAccessibleName(tr("Parallel coordinates"))
        self.setToolTip(
            tr("Drag along an axis to keep the configurations that cross it there; click the axis to let go.")
        )
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(480, 280)

    def set_table(self, table: Table, axes: Sequence[Axis]) -> None:
        """Show a sweep; brushes on axes that are still there stay."""
        rows = tuple(row for row in table.rows if row.estimate is not None)
        means = [row.estimate.mean for row in rows if row.estimate]
        known = [axis for axis in axes if all(axis.title in row.configuration.at for row in rows)]
        self._scales = (
            *(scale_of(axis, [row.configuration.at[axis.title] for row in rows] or [0.0, 1.0]) for axis in known),
            value_scale(table.metric, means, is_share(table.metric), table.metric),
        )
        self._rows, self._higher = rows, table.direction == "higher"
        self._titles = tuple(scale.title for scale in self._scales)
        self._brushes = {title: ends for title, ends in self._brushes.items() if title in self._titles}
        self.update()

    def kept(self) -> frozenset[str] | None:
        """Configurations that every brush leaves; None where nothing is brushed."""
        if not self._brushes:
            return None
        return frozenset(row.configuration.name for row in self._rows if self._is_kept(row))

    def clear(self) -> None:
        """Let go of every brush."""
        if self._brushes:
            self._brushes = {}
            self._say()

    def _is_kept(self, row: ConfigurationRow) -> bool:
        places = dict(zip(self._titles, self._places(row)))
        return all(low - 1e-9 <= (places[title] or 0.0) <= high + 1e-9 for title, (low, high) in self._brushes.items())

    def _places(self, row: ConfigurationRow) -> list[float | None]:
        mean = row.estimate.mean if row.estimate else 0.0
        return [*(s.place(row.configuration.at[s.title]) for s in self._scales[:-1]), self._scales[-1].place(mean)]

    def axis_x(self, index: int) -> float:
        """Where an axis stands, in pixels."""
        last = max(1, len(self._scales) - 1)
        return SIDE + (self.width() - 2 * SIDE) * index / last

    def _y(self, place: float) -> float:
        return self.height() - BOTTOM - place * (self.height() - TOP - BOTTOM)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme().panel))
        if not self._rows:
            painter.setPen(QColor(theme().muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("The first finished trial is drawn here."))
            return
        for is_kept in (False, True):
            for row in self._rows:
                if self._is_kept(row) == is_kept:
                    self._draw_configuration(painter, row, is_kept)
        for index, scale in enumerate(self._scales):
            self._draw_axis(painter, index, scale)

    def _draw_configuration(self, painter: QPainter, row: ConfigurationRow, is_kept: bool) -> None:
        places = self._places(row)
        if any(place is None for place in places):
            return
        points = [QPointF(self.axis_x(index), self._y(place or 0.0)) for index, place in enumerate(places)]
        good = places[-1] or 0.0
        colour = _blend(theme().line, theme().accent, good if self._higher else 1 - good)
        if not is_kept:
            colour = QColor(theme().line)
            colour.setAlpha(110)
        painter.setPen(QPen(colour, 1.8 if is_kept else 1.0))
        painter.drawPolyline(points)

    def _draw_axis(self, painter: QPainter, index: int, scale: Scale) -> None:
        c, x = theme(), self.axis_x(index)
        metrics = painter.fontMetrics()
        painter.setPen(QPen(QColor(c.muted), 1))
        painter.drawLine(QPointF(x, self._y(0)), QPointF(x, self._y(1)))
        if (ends := self._brushes.get(scale.title)) is not None:
            shade = QColor(c.accent)
            shade.setAlpha(90)
            painter.fillRect(QRectF(x - 6, self._y(ends[1]), 12, self._y(ends[0]) - self._y(ends[1])), shade)
        room = int((self.width() - 2 * SIDE) / max(1, len(self._scales) - 1)) - 8
        named = scale.title.rpartition("retrieval/")[2]
        if index == len(self._scales) - 1 and "/" not in named:
            named = figure_words(named)
        title = metrics.elidedText(named, Qt.TextElideMode.ElideMiddle, max(60, min(room, 170)))
        width = metrics.horizontalAdvance(title)
        left = min(max(4.0, x - width / 2), self.width() - width - 4.0)
        painter.setPen(QColor(c.text))
        painter.drawText(QPointF(left, 22), title)
        painter.setPen(QColor(c.muted))
        taken = 1e9
        longest = max((metrics.horizontalAdvance(text) for _, text in scale.ticks()), default=0)
        fits = x + 6 + longest <= self.width()  # else they stand at the axis's left
        for place, text in sorted(scale.ticks()):
            y = self._y(place)
            if y > taken - 13:
                continue
            taken = y
            words = metrics.elidedText(text, Qt.TextElideMode.ElideRight, 90)
            at_right = index == len(self._scales) - 1 and fits
            where = QPointF(x + 6, y + 4) if at_right else QPointF(x - 6 - metrics.horizontalAdvance(words), y + 4)
            if index and not at_right and fits:
                where = QPointF(x + 6, y + 4)
            painter.drawText(where, words)

    def _axis_at(self, x: float) -> str:
        near = [(abs(self.axis_x(index) - x), title) for index, title in enumerate(self._titles)]
        return min(near)[1] if near and min(near)[0] <= GRIP else ""

    def _place_at(self, y: float) -> float:
        return min(1.0, max(0.0, (self.height() - BOTTOM - y) / max(1, self.height() - TOP - BOTTOM)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        title = self._axis_at(event.position().x())
        self._pulled = (title, self._place_at(event.position().y())) if title else None
        if not title:
            self.clear()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pulled is not None:
            title, start = self._pulled
            end = self._place_at(event.position().y())
            self._brushes[title] = (min(start, end), max(start, end))
            self._say()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pulled is None:
            return
        title, start = self._pulled
        self._pulled = None
        if abs(self._place_at(event.position().y()) - start) < LEAST_BRUSH:
            self._brushes.pop(title, None)
            self._say()

    def _say(self) -> None:
        self.update()
        self.brushed.emit(self.kept())


def _blend(low: str, high: str, share: float) -> QColor:
    a, b, share = QColor(low), QColor(high), min(1.0, max(0.0, share))
    pairs = zip(a.getRgb()[:3], b.getRgb()[:3])
    return QColor(*(round(x + (y - x) * (0.25 + 0.75 * share)) for x, y in pairs))
