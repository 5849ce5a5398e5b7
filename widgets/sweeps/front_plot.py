"""The metric against a cost: a mark for each configuration, and a line along those that no other beats in both."""

from __future__ import annotations

import itertools
import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from core.runs.verdict import Table, figure, is_share
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme
from widgets.sweeps.scale import Scale, value_scale
from widgets.sweeps.words import figure_words, written

LEFT, RIGHT, TOP, BOTTOM = 62, 18, 26, 40
REACH = 14.0  # pixels from a mark within which it is meant
WIDE = 20.0  # a cost whose greatest is so many times its least is drawn in decades
NAME = 130  # pixels of a name beside its mark


class FrontPlot(QWidget):
    """What is cheap lies at the left, what is good above."""

    configurationChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table, self._cost = Table(metric="", direction="higher", baseline=""), ""
        self.setMinimumSize(190, 150)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Metric against the cost"))
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(480, 280)

    def set_table(self, table: Table) -> None:
        """Show a sweep."""
        self._table = table
        self._describe()

    def set_cost(self, name: str) -> None:
        """Which cost lies along the bottom."""
        self._cost = name
        self._describe()

    def front(self) -> tuple[str, ...]:
        """Configurations on the line, from the cheapest up."""
        return self._table.front_of(self._cost)

    def marks(self) -> dict[str, QPointF]:
        """Every configuration in pixels."""
        points = self._table.points(self._cost)
        if not points:
            return {}
        across, up = self._scales()
        return {name: self._place(across, up, metric, cost) for name, (metric, cost) in points.items()}

    def _describe(self) -> None:
        self.setAccessibleDescription(", ".join(self.front()))
        self.update()

    def _scales(self) -> tuple[Scale, Scale]:
        points = self._table.points(self._cost).values()
        costs, metrics = [cost for _, cost in points], [metric for metric, _ in points]
        across = value_scale(figure_words(self._cost), costs, False, self._cost)
        if min(costs) > 0 and max(costs) / min(costs) >= WIDE:
            across = Scale(
                title=across.title, low=min(costs) / 1.3, high=max(costs) * 1.3, logarithmic=True, name=self._cost
            )
        metric = self._table.metric
        return across, value_scale(figure_words(metric), metrics, is_share(metric), metric)

    def _field(self) -> QRectF:
        return QRectF(LEFT, TOP, max(10, self.width() - LEFT - RIGHT), max(10, self.height() - TOP - BOTTOM))

    def _place(self, across: Scale, up: Scale, metric: float, cost: float) -> QPointF:
        field = self._field()
        x, y = across.place(cost) or 0.0, up.place(metric) or 0.0
        return QPointF(field.left() + field.width() * x, field.bottom() - field.height() * y)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, c = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(c.panel))
        marks = self.marks()
        if not marks:
            painter.setPen(QColor(c.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, tr("The first finished trial is drawn here."))
            return
        across, up = self._scales()
        self._draw_axes(painter, across, up)
        ahead = self.front()
        self._draw_line(painter, [marks[name] for name in ahead])
        for name, at in marks.items():
            colour = QColor(c.accent if name in ahead else c.muted)
            painter.setPen(QPen(colour, 1.4))
            painter.setBrush(colour if name in ahead else QColor(c.panel))
            painter.drawEllipse(at, 4.2, 4.2)
        painter.setPen(QColor(c.text))
        for name in ahead:
            self._draw_name(painter, name, marks[name])

    def _draw_line(self, painter: QPainter, points: list[QPointF]) -> None:
        """In steps: between two of them nothing is known that is as good and as cheap."""
        painter.setPen(QPen(QColor(theme().accent), 1.4, Qt.PenStyle.DashLine))
        for before, after in itertools.pairwise(points):
            painter.drawPolyline([before, QPointF(after.x(), before.y()), after])

    def _draw_name(self, painter: QPainter, name: str, at: QPointF) -> None:
        words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, NAME)
        width = painter.fontMetrics().horizontalAdvance(words)
        left = at.x() + 8 if at.x() + 8 + width < self.width() else at.x() - 8 - width
        painter.drawText(QPointF(left, at.y() - 6), words)

    def _draw_axes(self, painter: QPainter, across: Scale, up: Scale) -> None:
        field, c = self._field(), theme()
        for place, text in up.ticks():
            y = field.bottom() - place * field.height()
            painter.setPen(QPen(QColor(c.line), 1))
            painter.drawLine(QPointF(field.left(), y), QPointF(field.right(), y))
            painter.setPen(QColor(c.muted))
            beside = QRectF(0, y - 9, field.left() - 8, 18)
            painter.drawText(beside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        for place, text in across.ticks():
            below = QRectF(field.left() + place * field.width() - 40, field.bottom() + 4, 80, 16)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)
        below = QRectF(field.left(), field.bottom() + 20, field.width(), 18)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, across.title)
        painter.setPen(QColor(c.text))
        painter.drawText(QRectF(8, 3, self.width() - 16, 18), Qt.AlignmentFlag.AlignLeft, up.title)
        painter.setPen(QPen(QColor(c.line), 1))
        painter.drawLine(field.bottomLeft(), field.bottomRight())

    def configuration_at(self, pixel: QPointF) -> str:
        """The configuration that is meant by a place; empty where none is near."""
        near = [((point - pixel).manhattanLength(), name) for name, point in self.marks().items()]
        return min(near)[1] if near and min(near)[0] <= REACH else ""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if name := self.configuration_at(event.position()):
            self.configurationChosen.emit(name)

    def event(self, event: object) -> bool:
        if not isinstance(event, QHelpEvent):
            return super().event(event)  # type: ignore[arg-type]
        name = self.configuration_at(QPointF(event.pos()))
        metric, cost = self._table.points(self._cost).get(name, (math.nan, math.nan))
        parts = (name, figure(metric, self._table.metric), written(cost, self._cost))
        QToolTip.showText(event.globalPos(), plain_tip(" · ".join(parts) if name else ""), self)
        return True
