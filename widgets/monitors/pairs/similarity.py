"""How alike true and false pairs look to the model: histograms at the cursor, a heat strip over time, and the figures
that warn of a collapse. Where negatives were chosen, by where they came from.

Dragging over the histogram lists the wrong pairs behind its bars, to be looked at and judged.

Alignment and uniformity after Wang and Isola (arXiv 2005.10242), the modality gap after Liang et al. (arXiv 2203.02053).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.graph.selection import of_task, task_of
from core.store.answers import HistogramAt, PairsAt
from core.store.reader import RunReader
from core.telemetry.events import ORIGINS
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, series_names
from widgets.monitors.monitor import Figures, refill
from widgets.monitors.pairs.brush import BrushPlot
from widgets.monitors.pairs.listing import PairMonitor
from widgets.monitors.pairs.pair_list import Pair, PairList, PairRow
from widgets.monitors.pairs.similarity_paint import (
    COLUMNS,
    colour_of,
    columns_of,
    even,
    origin_words,
    paint,
    show_bars,
    show_stacked,
)
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import compact, nice_above

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
    by_origin: bool = True  # negatives in a colour for each place they come from
    lists: bool = False  # the pairs behind the bars


@dataclass(frozen=True, kw_only=True)
class SimilarityValue:
    """Histograms, strips and figures at the cursor."""

    objectives: tuple[str, ...]
    objective: str
    step: int
    positive: HistogramAt | None
    negative: HistogramAt | None
    parts: tuple[tuple[str, HistogramAt], ...]  # negatives by where they came from; empty: not told apart
    strips: tuple[tuple[str, NDArray[np.float32] | None], ...]  # [columns, bins] by side or origin
    cosine: tuple[float, float]  # range of the histograms and of the strips
    strip_end: int  # last step in the strips
    right: float  # right edge of the strip's axis, steps
    figures: tuple[tuple[str, float], ...]
    collapsed: bool
    run: str = ""  # uid; with the objective's task behind it where the run has several, for each has samples of its own
    pairs: PairsAt | None = None


@monitors.register("similarity")
class SimilarityMonitor(PairMonitor):
    """Distributions of positive and negative pairs."""

    title = "Similarity"
    summary = "Cosine of true pairs (positives) and of all others (negatives). Training pulls the two apart."
    diagnostic = "similarity"
    order = 20
    empty = "No similarities yet. They come with a contrastive objective and the diagnostic Similarity."
    milliseconds_between = 250

    specimensWanted = Signal(str, object)  # the value's run, numbers of samples
    pairsJudged = Signal(str, int, object, str)  # uid, step, pairs, mark ("": taken back)
    judgedPairsWanted = Signal(str)  # uid: use its dataset's judged pairs in the drawing

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars = BrushPlot(left=False)
        self._bars.setToolTip(tr("Drag over the bars to see the pairs behind them."))
        self._bars.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._negatives = [pg.BarGraphItem(x0=[0.0], width=0.0, height=[0.0]) for _ in range(len(ORIGINS) + 1)]
        self._positive = pg.BarGraphItem(x0=[0.0], width=0.0, height=[0.0])
        for bars in (*self._negatives, self._positive):
            self._bars.addItem(bars, ignoreBounds=True)
        self._strip_plot = Plot()
        self._strip = pg.ImageItem(axisOrder="row-major")
        self._strip_plot.addItem(self._strip, ignoreBounds=True)
        self._legend = Legend()
        self._legend.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        page = QVBoxLayout()
        page.setSpacing(2)
        self._more_figures = Figures()
        self._more_figures.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._top.setSpacing(2)
        self._top.addWidget(self._legend)
        self._top.addWidget(self._more_figures, 1)
        page.addLayout(self._top)
        page.addWidget(self._bars, 5)
        page.addWidget(self._strip_plot, 4)
        self.pairs = PairList()
        self.pairs.setVisible(False)
        self._asked: tuple[str, tuple[int, ...]] = ("", ())
        whole = QHBoxLayout()
        whole.setSpacing(10)
        whole.addLayout(page, 5)
        whole.addWidget(self.pairs, 6)
        self.set_picture(whole)
        self._objective = self.add_choice(tr("Objective"), [(tr("first objective"), "")])
        choices = [(tr("both"), "both"), (tr("negatives"), "negative"), (tr("positives"), "positive")]
        self._shown = self.add_choice(tr("In the strip over time"), choices)
        self._by_origin = self.add_switch(
            tr("by origin"), True, tr("Negatives in a colour for each place they come from")
        )
        self._lists = self.add_switch(tr("list pairs"), tip=tr("Mismatched pairs of high similarity, to be annotated"))
        self.tools_row.addStretch(1)
        self._strip_plot.cursorRequested.connect(self._point)
        self._bars.rangeBrushed.connect(self._brush)
        self._bars.rangeCleared.connect(self._show_pairs)
        self._lists.toggled.connect(self._open_list)
        self.pairs.judged.connect(self._judge)
        self.pairs.useRequested.connect(lambda: self.judgedPairsWanted.emit(self._run()))
        self.pairs.closed.connect(self._close_list)

    def settings(self) -> SimilaritySettings:
        return SimilaritySettings(
            objective=self._objective.currentData() or "", strip=self._shown.currentData() or "both",
            by_origin=self._by_origin.isChecked(), lists=self._lists.isChecked(),
        )  # fmt: skip

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
        parts = _parts(reader, stem, names, cursor.step) if settings.by_origin else ()
        of_negatives = {origin: f"negative/{origin}" for origin, _ in parts} or {"negative": "negative"}
        wanted = {
            **(of_negatives if settings.strip in ("both", "negative") else {}),
            **({"positive": "positive"} if settings.strip in ("both", "positive") else {}),
        }
        strips = {
            key: reader.histogram_strip(f"{stem}/{name}", columns=COLUMNS, upto=cursor.step)
            for key, name in wanted.items()
        }
        cosine = (min(h.low for h in known), max(h.high for h in known))
        end = max((int(s.steps[-1]) for s in strips.values() if s is not None and len(s.steps)), default=0)
        columns = columns_of(list(strips.values()))
        planned = reader.head().steps
        return SimilarityValue(
            objectives=objectives, objective=objective, step=cursor.step, positive=positive, negative=negative,
            parts=parts, strips=tuple((key, even(strip, end, columns)) for key, strip in strips.items()),
            cosine=cosine, strip_end=max(end, 1), run=_run_and_task(cursor.runs[0] if cursor.runs else "", objective),
            pairs=reader.pairs_at(f"pairs/{objective}", cursor.step) if settings.lists else None,
            right=float(planned) if planned >= cursor.step > 0 else nice_above(float(max(cursor.step, 1))),
            figures=figures, collapsed=_is_collapsed(dict(figures), cursor.step),
        )  # fmt: skip

    def draw(self, value: SimilarityValue) -> None:
        refill(self._objective, [(_words(name), name) for name in value.objectives])
        negatives = value.parts or ((("negative", value.negative),) if value.negative is not None else ())
        colours = [self._colour(key) for key, _ in negatives]
        top = show_stacked(self._negatives, [histogram for _, histogram in negatives], colours)
        top = max(top, show_bars(self._positive, value.positive, theme().good))
        self._bars.set_frame(*value.cosine, 0.0, nice_above(top * 1.02))
        self._draw_strip(value)
        names = [(origin_words(key) if value.parts else tr("negatives"), self._colour(key)) for key, _ in negatives]
        names.append((tr("positives"), theme().good))
        self._legend.set_entries([(name, colour, Qt.PenStyle.SolidLine) for name, colour in names])
        self._legend.setFixedWidth(min(self._legend.wanted_width(), max(160, self.width() - 40)))
        self._write_figures(value)
        self._fit_top()
        self._show_pairs()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_top()

    def _fit_top(self) -> None:
        """Legend and further figures stand beside each other where both have room, else one under the other."""
        room = self.width() - 24 if not self.pairs.isVisible() else self._bars.width()
        fits = self._legend.width() + self._more_figures.sizeHint().width() <= room
        way = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        self._top.setDirection(way)

    def restyle(self) -> None:
        self._bars.restyle()
        self._strip_plot.restyle()

    def brush(self, low: float, high: float) -> None:
        """Mark a range of cosine, as dragging over the bars does."""
        self._bars.set_brushed(low, high)
        self._brush(low, high)

    def _colour(self, key: str) -> str:
        return {"positive": theme().good, "negative": theme().series[0]}.get(key) or colour_of(key)

    def _brush(self, low: float, high: float) -> None:
        """The list opens and stays at this step, so that it does not change under the hand."""
        if isinstance(value := self.value(), SimilarityValue):
            self.cursorRequested.emit(value.step)
        if self._lists.isChecked():
            self._show_pairs()
        else:
            self._lists.setChecked(True)

    def _open_list(self, opened: bool) -> None:
        self.pairs.setVisible(opened)
        self.roomRequested.emit(opened)
        if not opened:
            self._bars.clear_brush()

    def _close_list(self) -> None:
        self._lists.setChecked(False)

    def _show_pairs(self) -> None:
        value = self.value()
        if not self._lists.isChecked() or not isinstance(value, SimilarityValue):
            return
        self.pairs.set_pairs(_rows(value.pairs, self._bars.brushed()))
        lacking = self.pairs.model.lacking()
        if value.run != self._asked[0]:
            self.pairs.forget()
        if (value.run, lacking) != self._asked and value.pairs is not None:
            self._asked = (value.run, lacking)
            if lacking:
                self.specimensWanted.emit(value.run, lacking)

    def _judge(self, pairs: tuple[Pair, ...], mark: str) -> None:
        if isinstance(value := self.value(), SimilarityValue) and value.pairs is not None:
            self.pairsJudged.emit(value.run, value.pairs.step, pairs, mark)

    def _draw_strip(self, value: SimilarityValue) -> None:
        colours = [QColor(self._colour(key)) for key, _ in value.strips]
        picture = paint([strip for _, strip in value.strips], colours, QColor(theme().panel))
        self._strip.setImage(picture, autoLevels=False, levels=None)
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
            "negative mean": tr("negatives μ {value}", value=_figure(figures.get("negative mean"))),
            "effective rank": tr("effective rank {value}", value=_figure(figures.get("effective rank"))),
            "positive mean": tr("positives μ {value}", value=_figure(figures.get("positive mean"))),
        }
        self.figures.set_text(" · ".join(text for name, text in first.items() if name in figures))

    def _point(self, x: float) -> None:
        self.cursorRequested.emit(max(0, round(x)))


def _figure(value: float | None) -> str:
    return "–" if value is None else compact(value)


def _run_and_task(uid: str, objective: str) -> str:
    return of_task(uid, task) if uid and (task := task_of(objective)) else uid


def _words(name: str) -> str:
    return name.replace("_", " ")


def _is_collapsed(figures: dict[str, float], step: int) -> bool:
    """Nearly one direction is used, or strangers look like twins; every network begins like that."""
    rank, mean = figures.get("effective rank", math.inf), figures.get("negative mean", 0.0)
    return step >= 20 and (rank < 2.0 or mean > 0.9)


def _parts(reader: RunReader, stem: str, names: Sequence[str], step: int) -> tuple[tuple[str, HistogramAt], ...]:
    """Histograms of the last look by origin; what was not seen then is left out."""
    found = [
        (origin, histogram)
        for origin in ORIGINS
        if f"{stem}/negative/{origin}" in names
        and (histogram := reader.histogram_at(f"{stem}/negative/{origin}", step)) is not None
    ]
    newest = max((histogram.step for _, histogram in found), default=0)
    return tuple((origin, histogram) for origin, histogram in found if histogram.step == newest)


def _rows(pairs: PairsAt | None, brushed: tuple[float, float] | None) -> list[PairRow]:
    """The pairs within a range of cosine, the most similar first."""
    if pairs is None:
        return []
    low, high = brushed or (-math.inf, math.inf)
    rows = [
        PairRow(left=int(left), right=int(right), cosine=float(cosine), origin=pairs.origins[int(origin)])
        for left, right, cosine, origin in zip(pairs.left, pairs.right, pairs.cosine, pairs.origin)
        if low <= cosine <= high
    ]
    return sorted(rows, key=lambda row: -row.cosine)
