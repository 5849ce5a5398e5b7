"""Any histogram that a run brings, such as weights and activations of another program's: bars at the cursor, all of them over time below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.answers import HistogramAt
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.pairs.similarity_paint import COLUMNS, columns_of, even, paint, show_bars
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import nice_above

OWN = ("similarity/", "experts/")  # what has a monitor of its own


@dataclass(frozen=True, kw_only=True)
class DistributionSettings:
    """Which histogram; empty: the first."""

    series: str = ""


@dataclass(frozen=True, kw_only=True)
class DistributionValue:
    """One histogram at the cursor and up to it."""

    names: tuple[str, ...]
    histogram: HistogramAt
    step: int  # the cursor's
    strip: NDArray[np.float32] | None  # [columns, bins]
    low: float  # of the strip's edges, in which all its histograms lie
    high: float
    strip_end: int
    right: float


@monitors.register("distributions")
class DistributionMonitor(Monitor):
    """Bars and a strip."""

    title = "Distributions"
    summary = "Histograms that other programs recorded, of weights, gradients or activations: at the cursor, and over time below."
    diagnostic = "imported"  # no recipe feeds it: it is seen with runs that have none
    order = 56
    empty = "No histograms here. They come with runs that are imported from TensorBoard, W&B or trackio."
    milliseconds_between = 300

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar_plot, self._strip_plot = Plot(left=False), Plot()
        self._bars = pg.BarGraphItem(x0=[0.0], width=0.0, height=[0.0])
        self._strip = pg.ImageItem(axisOrder="row-major")
        self._bar_plot.addItem(self._bars, ignoreBounds=True)
        self._strip_plot.addItem(self._strip, ignoreBounds=True)
        page = QVBoxLayout()
        page.setSpacing(2)
        page.addWidget(self._bar_plot, 5)
        page.addWidget(self._strip_plot, 4)
        self.set_picture(page)
        self._series = self.add_choice(tr("Histogram"), [(tr("first histogram"), "")])
        self.tools_row.addStretch(1)
        self._strip_plot.cursorRequested.connect(lambda x: self.cursorRequested.emit(max(0, round(x))))

    def settings(self) -> DistributionSettings:
        return DistributionSettings(series=self._series.currentData() or "")

    @staticmethod
    def read(settings: DistributionSettings, readers: Sequence[RunReader], cursor: Cursor) -> DistributionValue | None:
        reader = readers[0]
        said = (info for info in reader.series("histogram") if info.count and info.first_step <= cursor.step)
        names = tuple(sorted(info.name for info in said if not info.name.startswith(OWN)))
        name = settings.series if settings.series in names else next(iter(names), "")
        histogram = reader.histogram_at(name, cursor.step) if name else None
        if histogram is None:
            return None
        strip = reader.histogram_strip(name, columns=COLUMNS, upto=cursor.step)
        end = int(strip.steps[-1]) if strip is not None and len(strip.steps) else 0
        planned = reader.head().steps
        return DistributionValue(
            names=names, histogram=histogram, step=cursor.step, strip=even(strip, end, columns_of([strip])),
            low=strip.low if strip is not None else histogram.low, high=strip.high if strip is not None else histogram.high,
            strip_end=max(end, 1),
            right=float(planned) if planned >= cursor.step > 0 else nice_above(float(max(cursor.step, 1))),
        )  # fmt: skip

    def draw(self, value: DistributionValue) -> None:
        refill(self._series, [(name, name) for name in value.names], value.histogram.name)
        found, colour = value.histogram, theme().series[0]
        top = show_bars(self._bars, found, colour)
        self._bar_plot.set_frame(found.low, found.high, 0.0, nice_above(max(top, 1e-9) * 1.02))
        self._strip.setImage(
            paint([value.strip], [QColor(colour)], QColor(theme().canvas)), autoLevels=False, levels=None
        )
        self._strip.setRect(QRectF(0.0, value.low, float(value.strip_end), value.high - value.low))
        self._strip_plot.set_frame(0.0, value.right, value.low, value.high)
        self._strip_plot.set_cursor(float(value.step))
        parts = [tr("step {step}", step=f"{found.step:,}"), tr("{n} values", n=f"{int(found.counts.sum()):,}")]
        self.figures.set_text(
            " · ".join([*parts, tr("{low} to {high}", low=f"{found.low:.4g}", high=f"{found.high:.4g}")])
        )

    def restyle(self) -> None:
        self._bar_plot.restyle()
        self._strip_plot.restyle()
