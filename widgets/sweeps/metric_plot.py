"""The metric against an axis: a mean with its 95 % interval for each configuration, and a thin line for each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.graph.sweep import Axis
from core.runs.paper import spread
from core.runs.verdict import ConfigurationRow, Estimate, Table, is_share
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme
from widgets.sweeps.scale import Scale, scale_of, value_scale
from widgets.sweeps.words import figure_words, written

LEFT, RIGHT, TOP, BOTTOM = 62, 18, 26, 40
REACH = 14.0  # pixels from a mark within which it is meant
LONGEST_NAME = 22


class MetricPlot(QWidget):
    """Draws one axis; further axes are drawn as curves of their own."""

    configurationChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = Table(metric="", direction="higher", baseline="")
        self._axes: tuple[Axis, ...] = ()
        self._across, self._up = 0, ""
        self._left = LEFT
        self._kept: frozenset[str] | None = None
        self.setMinimumSize(190, 150)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Metric against the axis"))
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(480, 280)

    def set_table(self, table: Table, axes: Sequence[Axis]) -> None:
        """Show a sweep."""
        self._table, self._axes = table, tuple(axes)
        self._across = min(self._across, max(0, len(axes) - 1))
        self.update()

    def set_across(self, index: int) -> None:
        """Which axis lies along the bottom."""
        self._across = index
        self.update()

    def set_up(self, name: str) -> None:
        """What lies upwards: a cost by name; empty: the metric."""
        self._up = name
        self.update()

    def _estimate(self, row: ConfigurationRow) -> Estimate | None:
        return row.figures.get(self._up) if self._up else row.estimate

    def _values(self, row: ConfigurationRow) -> Mapping[int, float]:
        return {} if self._up else row.values

    def keep_configurations(self, names: frozenset[str] | None) -> None:
        """Fade the others; None: none."""
        self._kept = names
        self.update()

    def marks(self) -> list[tuple[str, QPointF]]:
        """Every configuration's mean in pixels."""
        if not self._axes:
            return []
        across, up = self._scales()
        self._make_room(up)
        return [
            (row.configuration.name, self._point(across, up, row, found.mean))
            for row in self._rows()
            if (found := self._estimate(row)) is not None
        ]

    def _rows(self) -> list[ConfigurationRow]:
        title = self._axes[self._across].title
        return [row for row in self._table.rows if self._estimate(row) is not None and title in row.configuration.at]

    def _scales(self) -> tuple[Scale, Scale]:
        axis = self._axes[self._across]
        rows = [row for row in self._table.rows if axis.title in row.configuration.at]
        values = [value for row in rows for value in self._values(row).values()]
        found = [one for row in rows if (one := self._estimate(row)) is not None]
        values = values or [one.mean for one in found]
        name = self._up or self._table.metric
        shown = _calm(values, [e for one in found for e in (one.low, one.high)])
        up = value_scale(figure_words(name), shown, is_share(name), name)
        return scale_of(axis, [row.configuration.at[axis.title] for row in rows]), up

    def _field(self) -> QRectF:
        left = self._left
        return QRectF(left, TOP, max(10, self.width() - left - RIGHT), max(10, self.height() - TOP - BOTTOM))

    def _make_room(self, up: Scale) -> None:
        """For the longest number with its unit at the left."""
        widest = max((self.fontMetrics().horizontalAdvance(text) for _, text in up.ticks()), default=0)
        self._left = max(LEFT, min(widest + 14, self.width() // 3))

    def _point(self, across: Scale, up: Scale, row: ConfigurationRow, value: float) -> QPointF:
        field, title = self._field(), self._axes[self._across].title
        x, y = across.place(row.configuration.at[title]), up.place(value)
        inset = 0.0 if across.names else 0.04
        left = field.left() + field.width() * (inset + (1 - 2 * inset) * (x or 0.0))
        return QPointF(left, field.bottom() - field.height() * (y or 0.0))

    def _groups(self) -> list[list[ConfigurationRow]]:
        """Configurations that share every other axis: one curve each."""
        title = self._axes[self._across].title
        groups: dict[tuple[object, ...], list[ConfigurationRow]] = {}
        for row in self._rows():
            groups.setdefault(tuple(v for k, v in row.configuration.at.items() if k != title), []).append(row)
        across, _ = self._scales()
        ordered = [
            sorted(rows, key=lambda row: across.place(row.configuration.at[title]) or 0.0) for rows in groups.values()
        ]
        return ordered

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme().panel))
        if not self._axes or not self._rows():
            painter.setPen(QColor(theme().muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("The first finished trial is drawn here."))
            return
        across, up = self._scales()
        self._make_room(up)
        self._draw_axes(painter, across, up)
        groups = self._groups()
        many = len(groups) > len(theme().series)
        for number, rows in enumerate(groups):
            colour = QColor(theme().accent if many else theme().series[number % len(theme().series)])
            painter.save()
            painter.setClipRect(self._field().adjusted(-8, -8, 8, 8))
            self._draw_seeds(painter, across, up, rows, colour)
            self._draw_means(painter, across, up, rows, colour, joined=not across.names)
            painter.restore()
        if 1 < len(groups) <= len(theme().series):
            self._draw_legend(painter, groups)

    def _draw_axes(self, painter: QPainter, across: Scale, up: Scale) -> None:
        field, c = self._field(), theme()
        metrics = painter.fontMetrics()
        for place, text in up.ticks():
            y = field.bottom() - place * field.height()
            painter.setPen(QPen(QColor(c.line), 1))
            painter.drawLine(QPointF(field.left(), y), QPointF(field.right(), y))
            painter.setPen(QColor(c.muted))
            painter.drawText(
                QRectF(0, y - 9, field.left() - 8, 18),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                text,
            )
        inset = 0.0 if across.names else 0.04
        ticks = across.ticks()
        room = field.width() / max(1, len(ticks))
        taken = -1e9
        for place, text in ticks:
            x = field.left() + field.width() * (inset + (1 - 2 * inset) * place)
            words = metrics.elidedText(
                text, Qt.TextElideMode.ElideMiddle, int(max(40, room - 6 if across.names else 60))
            )
            half = metrics.horizontalAdvance(words) / 2
            if x - half < taken + 6:
                continue
            taken = x + half
            painter.drawText(
                QRectF(x - half - 2, field.bottom() + 4, 2 * half + 4, 16), Qt.AlignmentFlag.AlignCenter, words
            )
        painter.setPen(QColor(c.muted))
        painter.drawText(
            QRectF(field.left(), field.bottom() + 20, field.width(), 18), Qt.AlignmentFlag.AlignCenter, across.title
        )
        painter.setPen(QColor(c.text))
        painter.drawText(QRectF(8, 3, self.width() - 16, 18), Qt.AlignmentFlag.AlignLeft, up.title)
        painter.setPen(QPen(QColor(c.line), 1))
        painter.drawLine(field.bottomLeft(), field.bottomRight())

    def _draw_seeds(
        self, painter: QPainter, across: Scale, up: Scale, rows: list[ConfigurationRow], colour: QColor
    ) -> None:
        faint = QColor(colour)
        faint.setAlpha(70)
        for seed in dict.fromkeys(seed for row in rows for seed in self._values(row)):
            points = [self._point(across, up, row, row.values[seed]) for row in rows if seed in row.values]
            painter.setPen(QPen(faint, 1))
            if not across.names:
                painter.drawPolyline(points)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(faint)
            for point in points:
                painter.drawEllipse(point, 2.2, 2.2)

    def _draw_means(
        self, painter: QPainter, across: Scale, up: Scale, rows: list[ConfigurationRow], colour: QColor, *, joined: bool
    ) -> None:
        if joined:
            painter.setPen(QPen(colour, 1.8))
            means = [(row, found) for row in rows if (found := self._estimate(row)) is not None]
            painter.drawPolyline([self._point(across, up, row, found.mean) for row, found in means])
        for row in rows:
            found = self._estimate(row)
            if found is None:
                continue
            shade = QColor(colour)
            if self._kept is not None and row.configuration.name not in self._kept:
                shade.setAlpha(50)
            at = self._point(across, up, row, found.mean)
            painter.setPen(QPen(shade, 1.6))
            if not math.isnan(found.low):
                low, high = (self._point(across, up, row, end) for end in (found.low, found.high))
                painter.drawLine(low, high)
                for end in (low, high):
                    painter.drawLine(end - QPointF(4, 0), end + QPointF(4, 0))
            painter.setBrush(shade)
            painter.drawEllipse(at, 4.2, 4.2)
            if row.configuration.name in self._table.bases.values():
                painter.setBrush(QColor(theme().panel))
                painter.drawEllipse(at, 2.0, 2.0)

    def _draw_legend(self, painter: QPainter, groups: list[list[ConfigurationRow]]) -> None:
        title = self._axes[self._across].title
        x, metrics = float(self.width() - RIGHT), painter.fontMetrics()
        for number, rows in reversed(list(enumerate(groups))):
            words = " · ".join(
                f"{k} {v}" if not isinstance(v, str) else v for k, v in rows[0].configuration.at.items() if k != title
            )
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, 150)
            width = metrics.horizontalAdvance(words)
            x -= width
            if x < 220:
                return
            painter.setPen(QColor(theme().muted))
            painter.drawText(QPointF(x, 16), words)
            painter.setPen(QPen(QColor(theme().series[number]), 3))
            painter.drawLine(QPointF(x - 16, 12), QPointF(x - 5, 12))
            x -= 30

    def configuration_at(self, pixel: QPointF) -> str:
        """The configuration that is meant by a place; empty where none is near."""
        near = [((point - pixel).manhattanLength(), name) for name, point in self.marks()]
        return min(near)[1] if near and min(near)[0] <= REACH else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if name := self.configuration_at(event.position()):
            self.configurationChosen.emit(name)

    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent):
            name = self.configuration_at(QPointF(event.pos()))
            row = next((row for row in self._table.rows if row.configuration.name == name), None)
            found = self._estimate(row) if row else None
            value = written(found.mean, self._up) if found and self._up else spread(found, self._table.metric)
            text = f"{name}: {value}" if row else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        return super().event(event)  # type: ignore[arg-type]


def _calm(values: list[float], ends: list[float]) -> list[float]:
    """What the picture must show: every value and mean, and intervals as far as they do not crush the rest."""
    if not values:
        return ends
    low, high = min(values), max(values)
    reach = 1.5 * (high - low) or abs(high) or 1.0
    return [*values, *(min(max(end, low - reach), high + reach) for end in ends if not math.isnan(end))]
