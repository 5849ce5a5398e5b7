"""Any figure of any runs over each other: a line a run, or a group's mean with a band over its seeds.

A group's mean, which is not smoothed, is drawn where every one of its runs that say the figure has a value, between points in a straight line;
what is not finite is counted and said. It is no card of the wall: whoever compares runs shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from core.exploring.bands import POINTS, Band, band_of
from core.exploring.views import Chart, Spread
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.metric_list import MetricList
from widgets.monitors.curves.metrics import MetricMonitor
from widgets.monitors.lines import Legend, Line, LineSet, log_x_range, nearest_step, on_x, read_line, y_range
from widgets.monitors.metric_names import metric_title, panel_of
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import extent, logarithm, nice_above, nice_bounds, nice_decades
from widgets.monitors.titles import run_titles

MOST_RUNS, MOST_PANELS, MOST_SERIES = 120, 3, 6
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is drawn in one colour: a run, or the runs of a group by their places among the readers."""

    title: str
    runs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class OverlaySettings:
    """What to draw and how."""

    chart: Chart = field(default_factory=Chart)
    bundles: tuple[Bundle, ...] = ()  # none: every run by itself


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One curve: a run's line, or a group's band with the mean as its line."""

    bundle: int
    line: Line
    band: Band | None = None


@dataclass(frozen=True, kw_only=True)
class OverlayPanel:
    """Curves of one unit and the frame around them."""

    curves: tuple[Drawn, ...]
    frame: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class OverlayValue:
    """What is drawn."""

    panels: tuple[OverlayPanel, ...]
    names: tuple[str, ...]  # every figure of every run
    drawn: tuple[str, ...]
    bundles: tuple[Bundle, ...]
    settings: OverlaySettings
    not_finite: Mapping[str, int] = field(default_factory=dict)  # points by bundle's title
    left_out: int = 0  # runs
    titles: Mapping[str, str] = field(default_factory=dict)


class OverlayMonitor(Monitor):
    """Curves of runs or of groups."""

    title, summary, empty = MetricMonitor.title, MetricMonitor.summary, MetricMonitor.empty
    tools_open = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bundles: tuple[Bundle, ...] = ()
        self.list = MetricList()
        self.list.setFixedWidth(220)
        self._legend = Legend()
        self._plots: list[tuple[Plot, LineSet, list[tuple[object, object, object]]]] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(2)
        self._column.addWidget(self._legend)
        page = QHBoxLayout()
        page.addWidget(self.list)
        page.addLayout(self._column, 1)
        self.set_picture(page)
        axes = [
            (tr("by step"), "step"),
            (tr("by samples"), "samples"),
            (tr("by seconds"), "seconds"),
            (tr("by epoch"), "epoch"),
        ]
        self._axis = self.add_choice(tr("Axis of time"), axes)
        spreads = [
            (tr("band: ± standard deviation"), "deviation"),
            (tr("band: 95 % interval"), "interval"),
            (tr("band: least to greatest"), "range"),
        ]
        self._spread = self.add_choice(tr("What a band shows"), spreads)
        self._log_x = self.add_switch(tr("log x"), tip=tr("Logarithmic axis of time"))
        self._log_y = self.add_switch(tr("log y"), tip=tr("Logarithmic axis of values"))
        self._smoothing = QSlider(Qt.Orientation.Horizontal)
        self._smoothing.setRange(0, 99)
        self._smoothing.setValue(round(100 * Chart().smoothing))
        self._smoothing.setMaximumWidth(120)
        self._smoothing.setToolTip(tr("Smoothing: how much of the past is kept"))
        self._smoothing.setAccessibleName(tr("Smoothing"))
        self._smoothing.valueChanged.connect(self.settingsChanged)
        self.tools_row.addWidget(self._smoothing)
        self.tools_row.addStretch(1)
        self.list.chosenChanged.connect(self.settingsChanged)

    def set_bundles(self, bundles: Sequence[Bundle]) -> None:
        """Which runs are a group; none: every run by itself."""
        self._bundles = tuple(bundles)
        self._spread.setVisible(any(len(bundle.runs) > 1 for bundle in bundles))
        self.settingsChanged.emit()

    def chart(self) -> Chart:
        """What is chosen, as a view keeps it."""
        series = tuple(dict.fromkeys((*self.list.pins, *self.list.selected())))
        return Chart(
            series=series, axis=self._axis.currentData(), smoothing=self._smoothing.value() / 100,
            log_x=self._log_x.isChecked(), log_y=self._log_y.isChecked(), spread=self._spread.currentData(),
        )  # fmt: skip

    def set_chart(self, chart: Chart) -> None:
        """Draw this."""
        self._axis.setCurrentIndex(max(0, self._axis.findData(chart.axis)))
        self._spread.setCurrentIndex(max(0, self._spread.findData(chart.spread)))
        self._smoothing.setValue(round(100 * chart.smoothing))
        self._log_x.setChecked(chart.log_x)
        self._log_y.setChecked(chart.log_y)
        self.list.set_pins(chart.series)

    def settings(self) -> OverlaySettings:
        return OverlaySettings(chart=self.chart(), bundles=self._bundles)

    @staticmethod
    def read(settings: OverlaySettings, readers: Sequence[RunReader], cursor: Cursor) -> OverlayValue | None:
        used = readers[:MOST_RUNS]
        names = sorted({info.name for reader in used for info in reader.series("scalar") if info.count})
        if not names:
            return None
        bundles = settings.bundles or tuple(
            Bundle(title=reader.facts().name, runs=(number,)) for number, reader in enumerate(used)
        )
        bundles = tuple(replace(each, runs=tuple(run for run in each.runs if run < len(used))) for each in bundles)
        wanted = [name for name in settings.chart.series if name in names] or ["loss" if "loss" in names else names[0]]
        panels: dict[tuple[str, str], list[str]] = {}
        for name in wanted[:MOST_SERIES]:
            panels.setdefault(panel_of(name), []).append(name)
        counted: dict[str, int] = {}
        where = replace(cursor, axis=settings.chart.axis, step=max(reader.head().step for reader in used))
        found = [
            _panel(settings.chart, used, where, group, bundles, counted)
            for group in list(panels.values())[:MOST_PANELS]
        ]
        return OverlayValue(
            panels=tuple(each for each in found if each is not None), names=tuple(names), drawn=tuple(wanted[:MOST_SERIES]), bundles=bundles,
            settings=settings, not_finite=counted, left_out=len(readers) - len(used), titles=run_titles(used[0]),
        )  # fmt: skip

    def draw(self, value: OverlayValue) -> None:
        self.list.set_entries({name: metric_title(name, value.titles) for name in value.names})
        chart = value.settings.chart
        for number, panel in enumerate(value.panels):
            plot, lines, bands = self._plot(number)
            plot.setVisible(True)
            plot.plotItem.showAxis("bottom", number == len(value.panels) - 1)
            plot.set_logarithmic(chart.log_x, chart.log_y)
            plot.set_frame(*panel.frame)
            colours = [colour_of(curve.bundle) for curve in panel.curves]
            styles = [STYLES[value.drawn.index(curve.line.name) % len(STYLES)] for curve in panel.curves]
            lines.draw([curve.line for curve in panel.curves], colours, styles, chart.log_x, chart.log_y)
            _draw_bands(plot, bands, panel.curves, colours, chart)
        for plot, *_ in self._plots[len(value.panels) :]:
            plot.setVisible(False)
        self._write(value)

    def restyle(self) -> None:
        for plot, *_ in self._plots:
            plot.restyle()

    def _write(self, value: OverlayValue) -> None:
        entries = [
            (
                f"{bundle.title} (n={len(bundle.runs)})" if len(bundle.runs) > 1 else bundle.title,
                colour_of(number),
                STYLES[0],
            )
            for number, bundle in enumerate(value.bundles)
        ]
        if len(value.drawn) > 1:
            entries += [
                (metric_title(name, value.titles), theme().muted, STYLES[place % len(STYLES)])
                for place, name in enumerate(value.drawn)
            ]
        self._legend.set_entries(entries)
        parts = [spread_words(value.settings.chart.spread)] if any(len(each.runs) > 1 for each in value.bundles) else []
        parts += [
            tr("{name}: {n} values are not finite", name=name, n=f"{count:,}")
            for name, count in value.not_finite.items()
        ]
        parts += [tr("{n} more runs are not drawn", n=value.left_out)] if value.left_out else []
        self.figures.set_text(" · ".join(parts), warns=bool(value.not_finite or value.left_out))

    def _plot(self, number: int) -> tuple[Plot, LineSet, list[tuple[object, object, object]]]:
        while len(self._plots) <= number:
            plot, place = Plot(), len(self._plots)
            plot.cursorRequested.connect(lambda x, place=place: self._point(place, x))
            self._column.addWidget(plot, 1)
            self._plots.append((plot, LineSet(plot), []))
        return self._plots[number]

    def _point(self, number: int, x: float) -> None:
        """What stands where a person points, in a tool tip, by group."""
        value = self.value()
        if not isinstance(value, OverlayValue) or number >= len(value.panels):
            return
        chart = value.settings.chart
        x = 10.0**x if chart.log_x else x
        words = [tr("step {step}", step=f"{round(x):,}") if chart.axis == "step" else f"{x:,.4g}"]
        for curve in value.panels[number].curves:
            words.append(f"{value.bundles[curve.bundle].title}: {told_at(curve, x)}")
        self._plots[number][0].setToolTip(plain_tip("\n".join(words)))
        self.cursorRequested.emit(nearest_step([curve.line for curve in value.panels[number].curves], x, chart.axis))


def _panel(
    chart: Chart, readers: Sequence[RunReader], cursor: Cursor, names: Sequence[str], bundles: Sequence[Bundle], counted: dict[str, int]
) -> OverlayPanel | None:  # fmt: skip
    curves: list[Drawn] = []
    for number, bundle in enumerate(bundles):
        for name in names:
            curve = _curve(chart, readers, cursor, name, number, bundle, counted)
            curves += [curve] if curve is not None else []
    if not curves:
        return None
    right = nice_above(max(float(curve.line.x[-1]) for curve in curves))
    across = log_x_range(right, chart.axis) if chart.log_x else (0.0, right)
    bands = [edge for curve in curves if curve.band is not None for edge in (curve.band.low, curve.band.high)]
    if not bands:
        return OverlayPanel(
            curves=tuple(curves), frame=(*across, *y_range([curve.line for curve in curves], chart.log_y))
        )
    low, high = extent([*bands, *(curve.line.raw_y for curve in curves)], positive=chart.log_y)
    upright = nice_decades(low, high) if chart.log_y else nice_bounds(low, high)
    return OverlayPanel(curves=tuple(curves), frame=(*across, *upright))


def _curve(
    chart: Chart, readers: Sequence[RunReader], cursor: Cursor, name: str, number: int, bundle: Bundle, counted: dict[str, int]
) -> Drawn | None:  # fmt: skip
    """A run's line, or a group's mean with its band."""
    if len(bundle.runs) == 1:
        reader = readers[bundle.runs[0]]
        line = read_line(reader, cursor, name, run=number, smoothing=chart.smoothing)
        if line is not None and not np.isfinite(line.raw_y).all():
            broken = int(reader.curve(name, points=1).nonfinite.sum())
            counted[bundle.title] = counted.get(bundle.title, 0) + broken
        return Drawn(bundle=number, line=line) if line is not None else None
    found = [readers[run].curve(name, axis=chart.axis, points=POINTS, upto=cursor.step) for run in bundle.runs]
    found = [curve for curve in found if len(curve.x)]
    if broken := sum(int(curve.nonfinite.sum()) for curve in found):
        counted[bundle.title] = counted.get(bundle.title, 0) + broken
    band = band_of([curve.x for curve in found], [curve.last for curve in found], chart.spread)
    if band is None:
        return None
    mean = Line(
        name=name, run=number, run_name=bundle.title, x=band.x, steps=np.zeros(len(band.x), dtype=np.int64), raw_x=band.x,
        raw_y=band.mean, smooth=None, at=float(band.mean[-1]),
    )  # fmt: skip
    return Drawn(bundle=number, line=mean, band=band)


def _draw_bands(
    plot: Plot, items: list[tuple[object, object, object]], curves: Sequence[Drawn], colours: Sequence[str], chart: Chart
) -> None:  # fmt: skip
    while len(items) < len(curves):
        low, high = plot.add_line("#888"), plot.add_line("#888")
        between = pg.FillBetweenItem(low, high)
        between.setZValue(-1)
        plot.addItem(between, ignoreBounds=True)
        items.append((low, high, between))
    for place, (low, high, between) in enumerate(items):
        shown = place < len(curves) and curves[place].band is not None
        for item in (low, high, between):
            item.setVisible(shown)
        if not shown:
            continue
        band = curves[place].band
        x = on_x(band.x, chart.log_x)
        for item, edge in ((low, band.low), (high, band.high)):
            item.setPen(pg.mkPen(None))
            item.setData(x, logarithm(edge) if chart.log_y else edge, connect="finite")
        shade = QColor(colours[place])
        shade.setAlpha(52)
        between.setBrush(pg.mkBrush(shade))


def told_at(curve: Drawn, x: float) -> str:
    """A curve's value at a place, with its band and how many runs it is of."""
    line = curve.line
    if not len(line.x) or x < line.x[0] or x > line.x[-1] * (1 + 1e-9):
        return "–"
    value = float(np.interp(x, line.raw_x, line.raw_y))
    if curve.band is None:
        return f"{value:.4g}"
    low, high = (float(np.interp(x, curve.band.x, edge)) for edge in (curve.band.low, curve.band.high))
    return f"{value:.4g} [{low:.4g}, {high:.4g}], n={curve.band.runs}"


def spread_words(spread: Spread) -> str:
    """What a band shows, beside the curves."""
    return {
        "deviation": tr("band: ± standard deviation"), "interval": tr("band: 95 % interval"),
        "range": tr("band: least to greatest"),
    }[spread]  # fmt: skip


def colour_of(bundle: int) -> str:
    """In the order in which groups or runs are told."""
    colours = theme().series
    return colours[bundle % len(colours)]
