"""Bars and the strip over time of the similarity monitor, drawn from histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from core.store.answers import HistogramAt, HistogramStrip
from widgets.look.language import tr
from widgets.look.theme import theme

COLUMNS = 160
_PLACES = {
    "in-batch": 0, "queue": 4, "mined": 6, "random": 5, "level 1": 7, "level 2": 1, "level 3": 3,
}  # fmt: skip


def colour_of(origin: str) -> str:
    """One colour for each place that negatives come from."""
    return theme().series[_PLACES[origin]] if origin in _PLACES else theme().muted


def origin_words(origin: str) -> str:
    """Where negatives come from, as people read it."""
    return {
        "in-batch": tr("in-batch"), "queue": tr("queue"), "mined": tr("mined"), "random": tr("drawn at random"),
        "level 1": tr("level 1"), "level 2": tr("level 2"), "level 3": tr("level 3"), "marked": tr("annotated"),
        "held out": tr("held out"),
    }.get(origin, origin)  # fmt: skip


def show_stacked(bars: Sequence[pg.BarGraphItem], histograms: Sequence[HistogramAt], colours: Sequence[str]) -> float:
    """Histograms on top of each other, as shares of all of them; gives the tallest."""
    total = sum(float(each.counts.sum()) for each in histograms)
    size = max((len(each.counts) for each in histograms), default=0)
    below = np.zeros(size)
    for item, each, colour in zip(bars, histograms, colours):
        heights = each.counts.astype(np.float64) / max(total, 1.0)
        if len(heights) != size:
            continue
        filled = np.nonzero(heights)[0]
        width = (each.high - each.low) / size
        brush = QColor(colour)
        brush.setAlpha(205)
        item.setVisible(bool(len(filled)))
        item.setOpts(
            x0=each.low + filled * width, width=width * 0.92, y0=below[filled], height=heights[filled], brush=brush,
            pen=None,
        )  # fmt: skip
        below += heights
    for item in bars[len(histograms) :]:
        item.setVisible(False)
    return float(below.max()) if size else 0.0


def show_bars(bars: pg.BarGraphItem, histogram: HistogramAt | None, colour: str) -> float:
    """Bars as shares of all pairs; gives the tallest."""
    if histogram is None or not histogram.counts.sum():
        bars.setVisible(False)
        return 0.0
    return show_stacked([bars], [histogram], [colour])


def even(strip: HistogramStrip | None, end: int, columns: int) -> NDArray[np.float32] | None:
    """Columns at equal distances in steps; each shows the last histogram said before it, nothing before the first."""
    if strip is None or not len(strip.steps):
        return None
    at = np.linspace(0, max(end, 1), columns)
    index = np.searchsorted(strip.steps, at, side="right") - 1
    shown = np.array(strip.density[np.clip(index, 0, len(strip.steps) - 1)], dtype=np.float32)
    late = strip.steps[0] > max(end, 1) / columns * 2  # it begins later than the run itself
    if late:
        shown[index < 0] = 0.0
    return shown


def columns_of(strips: Sequence[HistogramStrip | None]) -> int:
    """As many columns as the longest strip fills."""
    return min(COLUMNS, max([2, *(len(strip.steps) for strip in strips if strip is not None)]))


def paint(strips: Sequence[NDArray[np.float32] | None], colours: Sequence[QColor], behind: QColor) -> NDArray[np.uint8]:
    """[bins, columns, 4] picture: each strip's density in its colour over the card."""
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
