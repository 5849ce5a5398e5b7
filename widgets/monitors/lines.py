"""Scalar series as lines: read with their extremes, smoothed, framed, drawn. Shared by the monitors that show curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.cursor import Cursor
from widgets.monitors.plot import Plot, mix, show_line, thin
from widgets.monitors.ranges import Floats, extent, logarithm, nice_above, nice_bounds, nice_decades

POINTS = 800
POINT_SHARE = 0.03  # of the width shown: the stroke that a single point is


@dataclass(frozen=True, kw_only=True)
class Line:
    """One series of one run, as it is drawn."""

    name: str
    run: int  # place in the cursor's runs
    run_name: str
    x: Floats  # [n] on the asked axis
    steps: np.ndarray  # [n]
    raw_x: Floats  # [m] n, or 2n where buckets span a range: down to the low, up to the high
    raw_y: Floats  # [m]
    smooth: Floats | None  # [n]
    at: float | None  # the value at the cursor


def series_names(reader: RunReader, cursor: Cursor, prefixes: Sequence[str], kind: str = "scalar") -> list[str]:
    """Series said so far that start with one of the prefixes (an exact name counts), in order of name."""
    return sorted(
        info.name
        for info in reader.series(kind)
        if info.count and info.first_step <= cursor.step and any(_fits(info.name, prefix) for prefix in prefixes)
    )


def _fits(name: str, prefix: str) -> bool:
    return name.startswith(prefix) if prefix.endswith("/") else name == prefix


def smoothed(values: Floats, weight: float) -> Floats:
    """Exponential moving average without the bias towards zero at the start; gaps stay gaps and are not carried on."""
    out = np.full(len(values), np.nan)
    total = mass = 0.0
    for i, value in enumerate(values.tolist()):
        if value == value and value not in (np.inf, -np.inf):
            total = total * weight + (1 - weight) * value
            mass = mass * weight + (1 - weight)
            out[i] = total / mass
    return out


def read_line(
    reader: RunReader, cursor: Cursor, name: str, *, run: int = 0, smoothing: float = 0.0, points: int = POINTS
) -> Line | None:
    """A series up to the cursor; None where it has no point yet. No spike is left out: buckets draw low and high."""
    curve = reader.curve(name, axis=cursor.axis, points=points, upto=cursor.step)
    if len(curve.x) == 0:
        return None
    x = np.asarray(curve.x, dtype=np.float64)
    low, high, last = (np.asarray(part, dtype=np.float64) for part in (curve.low, curve.high, curve.last))
    if np.array_equal(low, high, equal_nan=True):
        raw_x, raw_y = x, last
    else:
        raw_x, raw_y = np.repeat(x, 2), np.column_stack((low, high)).ravel()
    return Line(
        name=name, run=run, run_name=reader.facts().name if run else "", x=x, steps=np.asarray(curve.steps),
        raw_x=raw_x, raw_y=raw_y, smooth=smoothed(last, smoothing) if smoothing > 0 else None, at=float(last[-1]),
    )  # fmt: skip


def x_range(reader: RunReader, cursor: Cursor) -> tuple[float, float]:
    """From zero to the planned steps, or to a round number above the cursor on any other axis."""
    if cursor.axis == "step":
        planned = reader.head().steps
        return 0.0, float(planned) if planned >= cursor.step > 0 else nice_above(float(max(cursor.step, planned, 1)))
    return 0.0, nice_above(reader.place(cursor.step, cursor.axis))


def y_range(lines: Sequence[Line], logarithmic: bool) -> tuple[float, float]:
    """Round bounds around everything that is drawn, spikes included."""
    low, high = extent((line.raw_y for line in lines), positive=logarithmic)
    return nice_decades(low, high) if logarithmic else nice_bounds(low, high)


def on_x(values: Floats, logarithmic: bool) -> Floats:
    """Positions along x as they are drawn."""
    return logarithm(values) if logarithmic else values


def log_x_range(right: float, axis: Axis) -> tuple[float, float]:
    """Range of a logarithmic x axis: from 1 step (or a ten-thousandth of the whole) to the end."""
    left = 1.0 if axis in ("step", "samples") else right / 1e4
    return float(np.log10(left)), float(np.log10(max(right, left * 10)))


def nearest_step(lines: Sequence[Line], x: float, axis: Axis) -> int:
    """The step a person points at."""
    if axis == "step" or not lines:
        return max(0, round(x))
    longest = max(lines, key=lambda line: len(line.x))
    return int(longest.steps[int(np.argmin(np.abs(longest.x - x)))])


class LineSet:
    """The curves of one plot, kept between draws: a faint raw line under a clear smooth one."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self._pairs: list[tuple[object, object]] = []

    def draw(
        self, lines: Sequence[Line], colours: Sequence[str], styles: Sequence[Qt.PenStyle], log_x: bool, log_y: bool
    ) -> None:
        """Show these lines and no others."""
        while len(self._pairs) < len(lines):
            self._pairs.append((self._plot.add_line("#888", depth=1), self._plot.add_line("#888", depth=2)))
        for index, (raw, smooth) in enumerate(self._pairs):
            shown = index < len(lines)
            raw.setVisible(shown)
            smooth.setVisible(shown and lines[index].smooth is not None)
            if shown:
                self._draw_one(raw, smooth, lines[index], colours[index], styles[index], log_x, log_y)

    def _draw_one(
        self, raw: object, smooth: object, line: Line, colour: str, style: Qt.PenStyle, log_x: bool, log_y: bool
    ) -> None:
        faint = mix(colour, theme().panel, 0.42) if line.smooth is not None else QColor(colour)
        raw.setPen(thin(faint, style if line.smooth is None else Qt.PenStyle.SolidLine))
        x, y = on_x(line.raw_x, log_x), logarithm(line.raw_y) if log_y else line.raw_y
        if len(x) == 1:  # one point is no line: it is seen as a short stroke
            end = max(x[0], self._plot.width_shown() * POINT_SHARE)
            x, y = np.array([end - self._plot.width_shown() * POINT_SHARE, end]), np.repeat(y, 2)
        show_line(raw, x, y)
        if line.smooth is not None:
            smooth.setPen(thin(colour, style))
            show_line(smooth, on_x(line.x, log_x), logarithm(line.smooth) if log_y else line.smooth)


class Legend(QWidget):
    """Names of lines in their colours, in one row; what does not fit is counted."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[tuple[str, str, Qt.PenStyle]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setVisible(False)

    def set_entries(self, entries: Sequence[tuple[str, str, Qt.PenStyle]]) -> None:
        """(name, colour, pen style) for each line."""
        if list(entries) != self._entries:
            self._entries = list(entries)
            self.setVisible(bool(entries))
            self.setToolTip(plain_tip("\n".join(name for name, _, _ in entries)))
            self.update()

    def wanted_width(self) -> int:
        """Pixels that show every name whole."""
        return sum(34 + self.fontMetrics().horizontalAdvance(name) for name, _, _ in self._entries)

    def sizeHint(self) -> QSize:
        return QSize(100, self.fontMetrics().height() + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.88))
        painter.setFont(font)
        metrics, left, middle = painter.fontMetrics(), 0, self.height() // 2
        for index, (name, colour, style) in enumerate(self._entries):
            wide = 22 + metrics.horizontalAdvance(name) + 12
            rest = len(self._entries) - index
            counted = metrics.horizontalAdvance(f"+{rest - 1}") if rest > 1 else -12  # room for those that follow
            if left + wide + counted > self.width() and left:
                painter.setPen(QColor(theme().muted))
                painter.drawText(QPoint(left, middle + metrics.ascent() // 2 - 1), f"+{rest}")
                break
            painter.setPen(thin(colour, style))
            painter.drawLine(left, middle, left + 16, middle)
            painter.setPen(QColor(theme().muted))
            cut = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, self.width() - left - 22)
            painter.drawText(QPoint(left + 21, middle + metrics.ascent() // 2 - 1), cut)
            left += wide
        painter.end()
