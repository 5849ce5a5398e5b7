"""What the schedule does: learning rates by block and the temperature of each objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, Line, LineSet, nearest_step, read_line, series_names, x_range, y_range
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import compact

PREFIXES = {"rate": "rate/", "temperature": "temperature/", "throughput": "throughput"}


@dataclass(frozen=True, kw_only=True)
class RateSettings:
    """Axis of the learning rates."""

    logarithmic: bool = False


@dataclass(frozen=True, kw_only=True)
class RateValue:
    """Lines and the frame of each plot, by what they show."""

    lines: dict[str, tuple[Line, ...]]
    frames: dict[str, tuple[float, float, float, float]]
    step: int
    cursor_x: float
    axis: Axis
    settings: RateSettings


@monitors.register("rates")
class RateMonitor(Monitor):
    """Learning rates, temperature and throughput."""

    title = "Rates and temperature"
    summary = "Learning rates by block, the temperature that sharpens the similarities, and samples per second."
    order = 60
    empty = "No rates yet. Press Run, or pick a run in the library."
    milliseconds_between = 400

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        page = QVBoxLayout()
        page.setSpacing(1)
        self._plots: dict[str, tuple[Legend, Plot, LineSet]] = {}
        for part in PREFIXES:
            legend, plot = Legend(), Plot(bottom=part == "throughput")
            self._plots[part] = (legend, plot, LineSet(plot))
            page.addWidget(legend)
            page.addWidget(plot, 4 if part == "rate" else 3)
            plot.cursorRequested.connect(self._point)
        self.set_picture(page)
        self._log = self.add_switch(tr("log y"), tip=tr("Logarithmic axis of values"))
        self.tools_row.addStretch(1)

    def settings(self) -> RateSettings:
        return RateSettings(logarithmic=self._log.isChecked())

    @staticmethod
    def read(settings: RateSettings, readers: Sequence[RunReader], cursor: Cursor) -> RateValue | None:
        reader = readers[0]
        lines: dict[str, tuple[Line, ...]] = {}
        frames: dict[str, tuple[float, float, float, float]] = {}
        for part, prefix in PREFIXES.items():
            names = series_names(reader, cursor, (prefix,))
            found = [read_line(reader, cursor, name, points=400) for name in names]
            lines[part] = tuple(line for line in found if line is not None)
            frames[part] = (*x_range(reader, cursor), *y_range(lines[part], _is_log(part, settings)))
        if not any(lines.values()):
            return None
        return RateValue(
            lines=lines, frames=frames, step=cursor.step, axis=cursor.axis, settings=settings,
            cursor_x=reader.place(cursor.step, cursor.axis),
        )  # fmt: skip

    def draw(self, value: RateValue) -> None:
        words = {"rate": tr("learning rate"), "temperature": tr("temperature"), "throughput": tr("samples per second")}
        for part, (legend, plot, curves) in self._plots.items():
            lines, logarithmic = value.lines[part], _is_log(part, value.settings)
            for widget in (legend, plot):
                widget.setVisible(bool(lines))
            if not lines:
                continue
            colours = [theme().series[(index + _first(part)) % len(theme().series)] for index in range(len(lines))]
            styles = [Qt.PenStyle.SolidLine if index < 8 else Qt.PenStyle.DashLine for index in range(len(lines))]
            plot.set_logarithmic(False, logarithmic)
            plot.set_frame(*value.frames[part])
            curves.draw(lines, colours, styles, False, logarithmic)
            plot.set_cursor(value.cursor_x)
            names = [_entry(words[part], line.name) for line in lines]
            legend.set_entries(list(zip(names, colours, styles)))
        self._write_figures(value)

    def restyle(self) -> None:
        for _, plot, _ in self._plots.values():
            plot.restyle()

    def _write_figures(self, value: RateValue) -> None:
        parts = []
        if value.lines["rate"]:
            parts.append(tr("rate {value}", value=compact(max(line.at or 0.0 for line in value.lines["rate"]))))
        if value.lines["temperature"]:
            parts.append(tr("temperature {value}", value=compact(value.lines["temperature"][0].at or 0.0)))
        if value.lines["throughput"]:
            parts.append(tr("{value} samples/s", value=compact(value.lines["throughput"][0].at or 0.0)))
        self.figures.set_text(" · ".join(parts))

    def _point(self, x: float) -> None:
        if isinstance(value := self.value(), RateValue):
            lines = next((lines for lines in value.lines.values() if lines), ())
            self.cursorRequested.emit(nearest_step(lines, x, value.axis))


def _entry(word: str, series: str) -> str:
    """``learning rate · vit``; the throughput has no block."""
    return f"{word} · {series.split('/', 1)[1].replace('_', ' ')}" if "/" in series else word


def _first(part: str) -> int:
    return {"rate": 0, "temperature": 3, "throughput": 5}[part]


def _is_log(part: str, settings: RateSettings) -> bool:
    return settings.logarithmic and part == "rate"
