"""What the machine does: processor, memory and every GPU as small curves of the last minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from core.store.answers import DeviceCurves
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor
from widgets.monitors.ranges import nice_above

WINDOW_SECONDS = 180.0
UNITS = {
    "percent": "%", "mebibytes": "MiB", "watts": "W", "celsius": "°C", "megahertz": "MHz", "gibibytes": "GiB",
    "hertz": "Hz", "seconds": "s", "bytes": "B",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One quantity of one device."""

    device: str
    quantity: str  # as the run said it: utilisation_percent
    seconds: NDArray[np.float64]  # [n]
    values: NDArray[np.float64]  # [n]
    ceiling: float


@dataclass(frozen=True, kw_only=True)
class DeviceValue:
    """Every gauge over the same window."""

    gauges: tuple[Gauge, ...]
    start: float  # seconds
    end: float
    has_gpu: bool


@monitors.register("device")
class DeviceMonitor(Monitor):
    """Processor, memory and GPUs."""

    title = "Device"
    summary = "How busy the processor, the memory and each GPU were in the three minutes before the cursor."
    order = 45
    empty = "No readings yet. They come by themselves while a run trains."
    milliseconds_between = 500

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = GaugeRows()
        scroll = QScrollArea()
        scroll.setWidget(self._rows)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.viewport().setAutoFillBackground(False)
        self._rows.setAutoFillBackground(False)
        self.set_picture(scroll)

    @staticmethod
    def read(settings: None, readers: Sequence[RunReader], cursor: Cursor) -> DeviceValue | None:
        reader = readers[0]
        names = sorted(reader.devices(), key=lambda name: (name != "cpu", name))
        end = reader.place(cursor.step, "seconds")
        start = max(0.0, end - WINDOW_SECONDS)
        curves = [reader.device_curves(name, points=300, upto=cursor.step, window=WINDOW_SECONDS) for name in names]
        gauges = tuple(gauge for curve in curves for gauge in _gauges(curve, start))
        if not gauges:
            return None
        end = max(end, max(float(gauge.seconds[-1]) for gauge in gauges))
        return DeviceValue(
            gauges=gauges, start=start, end=max(end, start + 1), has_gpu=any(name.startswith("gpu") for name in names)
        )

    def draw(self, value: DeviceValue) -> None:
        self._rows.set_value(value)
        busiest = next((g for g in reversed(value.gauges) if g.quantity.startswith(("utili", "busy", "percent"))), None)
        gauge = busiest or value.gauges[0]
        words = f"{device_name(gauge.device)} · {reading(gauge)}"
        self.figures.set_text(words if value.has_gpu else words + " · " + tr("no GPU"))


class GaugeRows(QWidget):
    """A row a quantity: name, curve, reading. Painted in one go, which is cheaper than a plot each."""

    def __init__(self) -> None:
        super().__init__()
        self._value: DeviceValue | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_value(self, value: DeviceValue) -> None:
        """Show these gauges."""
        grew = self._value is None or len(self._value.gauges) != len(value.gauges)
        self._value = value
        if grew:
            self.setMinimumHeight(len(value.gauges) * (self.fontMetrics().height() + 6))
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._value is None:
            return
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        gauges = self._value.gauges
        name_width = min(max(metrics.horizontalAdvance(gauge_name(g)) for g in gauges) + 8, int(self.width() * 0.42))
        reading_width = max(metrics.horizontalAdvance(reading(g)) for g in gauges) + 8
        high = min(self.height() / len(gauges), 64.0)
        for index, gauge in enumerate(gauges):
            row = QRectF(0, index * high, self.width(), high)
            self._paint_row(painter, row, gauge, name_width, reading_width)
        painter.end()

    def _paint_row(self, painter: QPainter, row: QRectF, gauge: Gauge, name_width: int, reading_width: int) -> None:
        left, middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(theme().muted))
        name = painter.fontMetrics().elidedText(gauge_name(gauge), Qt.TextElideMode.ElideRight, name_width - 4)
        painter.drawText(QRectF(row.left(), row.top(), name_width, row.height()), left, name)
        painter.setPen(QColor(theme().text))
        place = QRectF(row.right() - reading_width, row.top(), reading_width, row.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, reading(gauge))
        area = QRectF(
            row.left() + name_width, row.top() + 3, row.width() - name_width - reading_width, row.height() - 6
        )
        if area.width() > 8:
            painter.setPen(QPen(QColor(theme().line), 1))
            painter.drawLine(area.bottomLeft(), area.bottomRight())
            painter.setPen(QPen(QColor(_colour(gauge)), 1))
            painter.drawPolyline(self._polygon(area, gauge))

    def _polygon(self, area: QRectF, gauge: Gauge) -> QPolygonF:
        assert self._value is not None
        span = self._value.end - self._value.start
        xs = area.left() + (gauge.seconds - self._value.start) / span * area.width()
        ys = area.bottom() - np.clip(gauge.values / gauge.ceiling, 0, 1) * area.height()
        return QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist())])


def _gauges(curve: DeviceCurves, start: float) -> list[Gauge]:
    """A gauge a quantity; a total is a ceiling, not a curve."""
    found = []
    for quantity, values in curve.values.items():
        if "total" in quantity or "limit" in quantity:
            continue
        keep = (curve.seconds >= start) & np.isfinite(values)
        if keep.any():
            found.append(
                Gauge(
                    device=curve.device,
                    quantity=quantity,
                    seconds=curve.seconds[keep],
                    values=values[keep],
                    ceiling=_ceiling(curve, quantity, values[keep]),
                )  # fmt: skip
            )
    return found


def _ceiling(curve: DeviceCurves, quantity: str, values: NDArray[np.float64]) -> float:
    if quantity.endswith("percent"):
        return 100.0
    stem, _, unit = quantity.rpartition("_")
    for word in ("total", "limit"):
        for name in (f"{stem}_{word}_{unit}", f"{word}_{unit}", f"{stem.removesuffix('_used')}_{word}_{unit}"):
            if name in curve.values and np.isfinite(curve.values[name][-1]) and curve.values[name][-1] > 0:
                return float(curve.values[name][-1])
    return nice_above(float(values.max()) * 1.05)


def device_name(device: str) -> str:
    """``gpu0`` as a person says it."""
    return f"GPU {device[3:]}" if device.startswith("gpu") else tr("computer") if device == "cpu" else device


def gauge_name(gauge: Gauge) -> str:
    """Device and quantity without the unit."""
    words = gauge.quantity.split("_")
    gpu = "gpu" if gauge.device.startswith("gpu") else ""
    name = tr(" ".join(words[:-1] if words[-1] in UNITS and len(words) > 1 else words), gpu)
    return f"{device_name(gauge.device)} {name}" if gpu else name


def reading(gauge: Gauge) -> str:
    """The last value with its unit."""
    value, unit = float(gauge.values[-1]), gauge.quantity.rpartition("_")[2]
    if unit == "mebibytes" and value >= 1024:
        return f"{value / 1024:.1f} GiB"
    return f"{value:,.0f} {UNITS.get(unit, '')}".rstrip()


def _colour(gauge: Gauge) -> str:
    colours = theme()
    for words, colour in (
        (("memory",), colours.series[4]), (("power", "watts"), colours.series[1]), (("celsius", "temperature"), colours.bad),
        (("clock", "megahertz"), colours.series[5]),
    ):  # fmt: skip
        if any(word in gauge.quantity for word in words):
            return colour
    return colours.series[0]
