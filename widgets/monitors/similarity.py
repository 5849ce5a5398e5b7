"""How alike true and false pairs look to the model: histograms at the cursor, a heat strip over time, and the figures
that warn of a collapse.

Alignment and uniformity after Wang and Isola (arXiv 2005.10242), the modality gap after Liang et al. (arXiv 2203.02053).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.store.answers import HistogramAt, HistogramStrip
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, series_names
from widgets.monitors.monitor import Figures, Monitor, refill
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import compact, nice_above

COLUMNS = 160
FIGURES = (
    "alignment",
    "uniformity",
    "effective rank",
    "modality gap",
    "positive mean",
    "negative mean",
    "negative std",
)


@dataclass(frozen=True, kw_only=True)
class SimilaritySettings:
    """Which objective; empty: the first."""

    objective: str = ""
    strip: str = "both"  # both, negative, positive


@dataclass(frozen=True, kw_only=True)
class SimilarityValue:
    """Histograms, strips and figures at the cursor."""

    objectives: tuple[str, ...]
    objective: str
    step: int
    positive: HistogramAt | None
    negative: HistogramAt | None
    strips: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]  # [columns, bins] of negatives, positives
    cosine: tuple[float, float]  # range of the histograms and of the strips
    strip_end: int  # last step in the strips
    right: float  # right edge of the strip's axis, steps
    figures: tuple[tuple[str, float], ...]
    collapsed: bool


@monitors.register("similarity")
class SimilarityMonitor(Monitor):
    """Distributions of positive and negative pairs."""

    title = "Similarity"
    summary = "Cosine of true pairs (positives) and of all others (negatives). Training pulls the two apart."
    order = 20
    empty = "No similarities yet. They come with a contrastive objective and the similarity probe."
    milliseconds_between = 250

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars = Plot(left=False)
        self._negative = pg.BarGraphItem(x0=[0.0], width=0.0, height=[0.0])
        self._positive = pg.BarGraphItem(x0=[0.0], width=0.0, height=[0.0])
        for bars in (self._negative, self._positive):
            self._bars.addItem(bars, ignoreBounds=True)
        self._strip_plot = Plot()
        self._strip = pg.ImageItem(axisOrder="row-major")
        self._strip_plot.addItem(self._strip, ignoreBounds=True)
        self._legend = Legend()
        self._legend.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        page = QVBoxLayout()
        page.setSpacing(2)
        self._more_figures = Figures()
        top = QHBoxLayout()
        top.addWidget(self._legend)
        top.addWidget(self._more_figures, 1)
        page.addLayout(top)
        page.addWidget(self._bars, 5)
        page.addWidget(self._strip_plot, 4)
        self.set_picture(page)
        self._objective = self.add_choice(tr("Objective"), [(tr("first objective"), "")])
        choices = [(tr("both"), "both"), (tr("negatives"), "negative"), (tr("positives"), "positive")]
        self._shown = self.add_choice(tr("In the strip over time"), choices)
        self.tools_row.addStretch(1)
        self._strip_plot.cursorRequested.connect(self._point)

    def settings(self) -> SimilaritySettings:
        return SimilaritySettings(
            objective=self._objective.currentData() or "", strip=self._shown.currentData() or "both"
        )

    @staticmethod
    def read(settings: SimilaritySettings, readers: Sequence[RunReader], cursor: Cursor) -> SimilarityValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, ("similarity/",), kind="histogram")
        objectives = tuple(dict.fromkeys(name.split("/")[1] for name in names))
        if not objectives:
            return None
        objective = settings.objective if settings.objective in objectives else objectives[0]
        stem = f"similarity/{objective}"
        positive, negative = (reader.histogram_at(f"{stem}/{side}", cursor.step) for side in ("positive", "negative"))
        known = [histogram for histogram in (positive, negative) if histogram is not None]
        if not known:
            return None
        figures = tuple(
            (name, found[1])
            for name in FIGURES
            if (found := reader.value_at(f"{stem}/{name}", cursor.step)) is not None
        )
        strips = [
            reader.histogram_strip(f"{stem}/{side}", columns=COLUMNS, upto=cursor.step)
            if settings.strip in ("both", side)
            else None
            for side in ("negative", "positive")
        ]
        cosine = (min(h.low for h in known), max(h.high for h in known))
        end = max((int(strip.steps[-1]) for strip in strips if strip is not None and len(strip.steps)), default=0)
        planned = reader.head().steps
        return SimilarityValue(
            objectives=objectives, objective=objective, step=cursor.step, positive=positive, negative=negative,
            strips=(_even(strips[0], end), _even(strips[1], end)), cosine=cosine, strip_end=max(end, 1),
            right=float(planned) if planned >= cursor.step > 0 else nice_above(float(max(cursor.step, 1))),
            figures=figures, collapsed=_is_collapsed(dict(figures), cursor.step),
        )  # fmt: skip

    def draw(self, value: SimilarityValue) -> None:
        refill(self._objective, [(_words(name), name) for name in value.objectives])
        top = 0.0
        for bars, histogram, colour in (
            (self._negative, value.negative, self._negative_colour()),
            (self._positive, value.positive, theme().good),
        ):
            top = max(top, _show_bars(bars, histogram, colour))
        self._bars.set_frame(*value.cosine, 0.0, nice_above(top * 1.02))
        self._draw_strip(value)
        names = (tr("negatives"), self._negative_colour()), (tr("positives"), theme().good)
        self._legend.set_entries([(name, colour, Qt.PenStyle.SolidLine) for name, colour in names])
        self._legend.setFixedWidth(self._legend.wanted_width())
        self._write_figures(value)

    def restyle(self) -> None:
        self._bars.restyle()
        self._strip_plot.restyle()

    def _negative_colour(self) -> str:
        return theme().series[0]

    def _draw_strip(self, value: SimilarityValue) -> None:
        colours = (QColor(self._negative_colour()), QColor(theme().good))
        self._strip.setImage(_paint(value.strips, colours, QColor(theme().panel)), autoLevels=False, levels=None)
        low, high = value.cosine
        self._strip.setRect(QRectF(0.0, low, float(value.strip_end), high - low))
        self._strip_plot.set_frame(0.0, value.right, low, high)
        self._strip_plot.set_cursor(float(value.step))

    def _write_figures(self, value: SimilarityValue) -> None:
        figures = dict(value.figures)
        second = {
            "alignment": tr("alignment {value}", value=_figure(figures.get("alignment"))),
            "uniformity": tr("uniformity {value}", value=_figure(figures.get("uniformity"))),
            "modality gap": tr("gap {value}", value=_figure(figures.get("modality gap"))),
        }
        self._more_figures.set_text(" · ".join(text for name, text in second.items() if name in figures))
        if value.collapsed:
            self.figures.set_text(tr("Collapse: all pairs look alike"), warns=True)
            return
        first = {
            "positive mean": tr("positives μ {value}", value=_figure(figures.get("positive mean"))),
            "negative mean": tr("negatives μ {value}", value=_figure(figures.get("negative mean"))),
            "effective rank": tr("rank {value}", value=_figure(figures.get("effective rank"))),
        }
        self.figures.set_text(" · ".join(text for name, text in first.items() if name in figures))

    def _point(self, x: float) -> None:
        self.cursorRequested.emit(max(0, round(x)))


def _figure(value: float | None) -> str:
    return "–" if value is None else compact(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _is_collapsed(figures: dict[str, float], step: int) -> bool:
    """Nearly one direction is used, or strangers look like twins; every network begins like that."""
    rank, mean = figures.get("effective rank", math.inf), figures.get("negative mean", 0.0)
    return step >= 20 and (rank < 2.0 or mean > 0.9)


def _show_bars(bars: pg.BarGraphItem, histogram: HistogramAt | None, colour: str) -> float:
    """Bars as shares of all pairs; gives the tallest."""
    if histogram is None or not histogram.counts.sum():
        bars.setVisible(False)
        return 0.0
    counts = histogram.counts.astype(np.float64)
    heights = counts / counts.sum()
    width = (histogram.high - histogram.low) / len(counts)
    filled = np.nonzero(counts)[0]
    brush = QColor(colour)
    brush.setAlpha(185)
    bars.setVisible(True)
    bars.setOpts(
        x0=histogram.low + filled * width, width=width * 0.92, height=heights[filled], y0=0, brush=brush, pen=None
    )
    return float(heights.max())


def _even(strip: HistogramStrip | None, end: int) -> NDArray[np.float32] | None:
    """Columns at equal distances in steps; each shows the last histogram said before it."""
    if strip is None or not len(strip.steps):
        return None
    at = np.linspace(0, max(end, 1), min(COLUMNS, max(2, len(strip.steps))))
    index = np.clip(np.searchsorted(strip.steps, at, side="right") - 1, 0, len(strip.steps) - 1)
    return np.ascontiguousarray(strip.density[index], dtype=np.float32)


def _paint(
    strips: tuple[NDArray[np.float32] | None, NDArray[np.float32] | None],
    colours: tuple[QColor, QColor],
    behind: QColor,
) -> NDArray[np.uint8]:
    """[bins, columns, 4] picture: each side's density in its colour over the card."""
    shapes = [strip.shape for strip in strips if strip is not None]
    if not shapes:
        return np.zeros((1, 1, 4), dtype=np.uint8)
    columns, bins = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    picture_CBR = np.empty((columns, bins, 3), dtype=np.float32)
    picture_CBR[:] = behind.getRgb()[:3]
    for strip, colour in zip(strips, colours):
        if strip is None or strip.shape != (columns, bins):
            continue
        peak = np.maximum(strip.max(axis=1, keepdims=True), 1e-9)
        share = np.sqrt(strip / peak)[:, :, None] * 0.95  # each column up to its own peak; the root shows thin tails
        picture_CBR += (np.asarray(colour.getRgb()[:3], dtype=np.float32) - picture_CBR) * share
    out = np.full((bins, columns, 4), 255, dtype=np.uint8)
    out[:, :, :3] = picture_CBR.transpose(1, 0, 2).astype(np.uint8)
    return out
