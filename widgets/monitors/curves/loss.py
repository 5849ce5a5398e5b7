"""The loss over time: every objective, smoothed with the raw line kept, several runs over each other.

Smoothing is an exponential moving average corrected for its start (Adam's correction, arXiv 1412.6980).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSlider, QVBoxLayout, QWidget

from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import (
    Legend,
    Line,
    LineSet,
    log_x_range,
    nearest_step,
    on_x,
    read_line,
    series_names,
    x_range,
    y_range,
)  # fmt: skip
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import Floats, compact
from widgets.monitors.titles import run_titles, title

STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """What to draw and how."""

    series: str = ""  # empty: the total and every objective
    smoothing: float = 0.8  # weight of the past, 0: none
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, kw_only=True)
class LossValue:
    """Lines up to the cursor and the frame around them."""

    lines: tuple[Line, ...]
    names: tuple[str, ...]  # every series there is to choose from
    runs: int
    step: int
    cursor_x: float
    axis: Axis
    frame: tuple[float, float, float, float]
    settings: LossSettings
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("loss")
class LossMonitor(Monitor):
    """Loss curves."""

    title = "Loss"
    summary = "How wrong the model still is. The faint line is every step, the clear one its moving average."
    order = 10
    empty = "No loss yet."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = Plot()
        self._lines = LineSet(self._plot)
        self._legend = Legend()
        page = QVBoxLayout()
        page.setSpacing(0)
        page.addWidget(self._legend)
        page.addWidget(self._plot, 1)
        self.set_picture(page)
        self._series = self.add_choice(tr("Which loss"), [(tr("all"), "")])
        self._log_x = self.add_switch(tr("log x"), tip=tr("Logarithmic axis of time"))
        self._log_y = self.add_switch(tr("log y"), tip=tr("Logarithmic axis of values"))
        self._smoothing = self._add_smoothing()
        self._plot.cursorRequested.connect(self._point)

    def settings(self) -> LossSettings:
        return LossSettings(
            series=self._series.currentData() or "", smoothing=self._smoothing.value() / 100,
            log_x=self._log_x.isChecked(), log_y=self._log_y.isChecked(),
        )  # fmt: skip

    @staticmethod
    def read(settings: LossSettings, readers: Sequence[RunReader], cursor: Cursor) -> LossValue | None:
        names = tuple(series_names(readers[0], cursor, ("loss", "loss/")))
        wanted = [settings.series] if settings.series in names else _worth_showing(names, len(readers))
        found = [
            read_line(reader, cursor, name, run=index, smoothing=settings.smoothing)
            for index, reader in enumerate(readers)
            for name in wanted
        ]
        lines = tuple(line for line in found if line is not None)
        if not lines:
            return None
        if len(readers) > 1:
            lines = tuple(_named(line, readers[line.run]) for line in lines)
        left, right = _widest(readers, cursor)
        across = log_x_range(right, cursor.axis) if settings.log_x else (left, right)
        return LossValue(
            lines=lines, names=names, runs=len(readers), step=cursor.step, axis=cursor.axis, settings=settings,
            cursor_x=readers[0].place(cursor.step, cursor.axis), frame=(*across, *y_range(lines, settings.log_y)),
            titles=run_titles(readers[0]),
        )  # fmt: skip

    def draw(self, value: LossValue) -> None:
        refill(self._series, [(tr("all"), ""), *((_short(name, value.titles), name) for name in value.names)])
        log_x, log_y = value.settings.log_x, value.settings.log_y
        colours, styles = [_colour(value, line) for line in value.lines], [_style(value, line) for line in value.lines]
        self._plot.set_logarithmic(log_x, log_y)
        self._plot.set_frame(*value.frame)
        self._lines.draw(value.lines, colours, styles, log_x, log_y)
        self._plot.set_cursor(float(on_x(_one(value.cursor_x), log_x)[0]))
        many = len(value.lines) > 1
        names = [line.run_name if value.runs > 1 else _short(line.name, value.titles) for line in value.lines]
        self._legend.set_entries(list(zip(names, colours, styles)) if many else [])
        main = value.lines[0].at
        text = tr("step {step}", step=f"{value.step:,}")
        self.figures.set_text(f"{text} · {compact(main)}" if main is not None else text)

    def restyle(self) -> None:
        self._plot.restyle()

    def _add_smoothing(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 99)
        slider.setValue(80)
        slider.setMinimumWidth(50)
        slider.setToolTip(tr("Smoothing: how much of the past is kept"))
        slider.setAccessibleName(tr("Smoothing"))
        label = QLabel(tr("smooth"))
        label.setProperty("muted", True)
        self.tools_row.addWidget(label)
        self.tools_row.addWidget(slider, 1)
        slider.valueChanged.connect(self.settingsChanged)
        return slider

    def _point(self, x: float) -> None:
        value = self.value()
        if isinstance(value, LossValue):
            x = 10.0**x if value.settings.log_x else x
            self.cursorRequested.emit(nearest_step(value.lines, x, value.axis))


def _one(value: float) -> Floats:
    return np.asarray([value], dtype=np.float64)


def _worth_showing(names: tuple[str, ...], runs: int) -> list[str]:
    """The total alone where runs are compared or one objective is the total."""
    parts = [name for name in names if name != "loss"]
    if "loss" in names and (runs > 1 or len(parts) < 2):
        return ["loss"]
    return list(names) if runs == 1 else parts[:1]


def _widest(readers: Sequence[RunReader], cursor: Cursor) -> tuple[float, float]:
    return 0.0, max(x_range(reader, cursor)[1] for reader in readers)


def _named(line: Line, reader: RunReader) -> Line:
    return replace(line, run_name=reader.facts().name)


def _short(name: str, titles: Mapping[str, str]) -> str:
    return tr("total") if name == "loss" else title(titles, name.removeprefix("loss/"))


def _colour(value: LossValue, line: Line) -> str:
    colours = theme()
    if value.runs > 1:
        return colours.series[line.run % len(colours.series)]
    if line.name == "loss" or len(value.lines) == 1:
        return colours.modality["loss"]
    return colours.series[value.names.index(line.name) % len(colours.series)]


def _style(value: LossValue, line: Line) -> Qt.PenStyle:
    if value.runs == 1:
        return STYLES[0]
    names = list(dict.fromkeys(each.name for each in value.lines))
    return STYLES[names.index(line.name) % len(STYLES)]
