"""What the schedule does: learning rates by block, the temperature of each objective, how negatives were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal
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
from widgets.monitors.titles import run_titles, title

PREFIXES: dict[str, tuple[str, ...]] = {
    "rate": ("rate/",), "temperature": ("temperature/",), "throughput": ("throughput",),
    "choice": ("hard share/", "hardness/", "similarity, level 1/", "similarity, level 2/", "similarity, level 3/"),
    "keys": ("keys/", "judged/"),
}  # fmt: skip
TRAINING, NEGATIVES = ("rate", "temperature", "throughput"), ("choice", "keys")


@dataclass(frozen=True, kw_only=True)
class RateSettings:
    """Axis of the learning rates."""

    logarithmic: bool = False
    show: str = "training"  # training, negatives


@dataclass(frozen=True, kw_only=True)
class RateValue:
    """Lines and the frame of each plot, by what they show."""

    lines: dict[str, tuple[Line, ...]]
    frames: dict[str, tuple[float, float, float, float]]
    step: int
    cursor_x: float
    axis: Axis
    settings: RateSettings
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("rates")
class RateMonitor(Monitor):
    """Learning rates, temperature and throughput."""

    title = "Rates and temperature"
    summary = "Learning rates by block, the temperature that sharpens the similarities, samples per second, how negatives were chosen."
    order = 60
    empty = "No rates yet."
    milliseconds_between = 400

    rateRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        page = QVBoxLayout()
        page.setSpacing(1)
        self._plots: dict[str, tuple[Legend, Plot, LineSet]] = {}
        for part in PREFIXES:
            legend, plot = Legend(), Plot(bottom=part in ("throughput", "keys"))
            plot.setMinimumHeight(22)
            self._plots[part] = (legend, plot, LineSet(plot))
            page.addWidget(legend)
            page.addWidget(plot, 4 if part == "rate" else 3)
            plot.cursorRequested.connect(self._point)
        self.set_picture(page)
        self.change = self.add_command(tr("Change…"), tr("Change the learning rate of the run that trains"))
        self.change.clicked.connect(self.rateRequested)
        self._log = self.add_switch(tr("log y"), tip=tr("Logarithmic axis of values"))
        self._show = self.add_choice(tr("What is shown"), [(tr("rates"), "training"), (tr("negatives"), "negatives")])
        self.tools_row.addStretch(1)

    def settings(self) -> RateSettings:
        return RateSettings(logarithmic=self._log.isChecked(), show=self._show.currentData() or "training")

    @staticmethod
    def read(settings: RateSettings, readers: Sequence[RunReader], cursor: Cursor) -> RateValue | None:
        reader = readers[0]
        lines: dict[str, tuple[Line, ...]] = {}
        frames: dict[str, tuple[float, float, float, float]] = {}
        for part, prefixes in PREFIXES.items():
            names = series_names(reader, cursor, prefixes)
            found = [read_line(reader, cursor, name, points=400) for name in names]
            lines[part] = _together(tuple(line for line in found if line is not None))
            frames[part] = (*x_range(reader, cursor), *y_range(lines[part], _is_log(part, settings)))
        if not any(lines.values()):
            return None
        of_negatives = any(lines[part] for part in NEGATIVES)
        chosen = NEGATIVES if settings.show == "negatives" and of_negatives else TRAINING
        lines = {part: found if part in chosen else () for part, found in lines.items()}
        return RateValue(
            lines=lines, frames=frames, step=cursor.step, axis=cursor.axis, settings=settings,
            cursor_x=reader.place(cursor.step, cursor.axis), titles=run_titles(reader),
        )  # fmt: skip

    def draw(self, value: RateValue) -> None:
        words = {
            "rate": tr("learning rate"), "temperature": tr("temperature"), "throughput": tr("samples per second"),
        }  # fmt: skip
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
            names = [_entry(words.get(part) or _word(line.name), line.name, value, len(lines)) for line in lines]
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
        for line in (*value.lines["choice"], *value.lines["keys"]):
            parts.append(f"{_word(line.name)} {compact(line.at or 0.0)}")
        self.figures.set_text(" · ".join(parts))

    def _point(self, x: float) -> None:
        if isinstance(value := self.value(), RateValue):
            lines = next((lines for lines in value.lines.values() if lines), ())
            self.cursorRequested.emit(nearest_step(lines, x, value.axis))


def _word(series: str) -> str:
    """What a reading of a choice of negatives is called."""
    name = series.split("/", 1)[0]
    return {
        "hard share": tr("hard share"), "hardness": tr("hardness"), "keys": tr("keys in the queue"),
        "judged": tr("annotated pairs met"), "similarity, level 1": tr("similarity, level 1"),
        "similarity, level 2": tr("similarity, level 2"), "similarity, level 3": tr("similarity, level 3"),
    }.get(name, name)  # fmt: skip


def _together(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Blocks that share one rate are one line: of equal curves the first."""
    found: dict[bytes, Line] = {}
    for line in lines:
        found.setdefault(line.raw_x.tobytes() + line.raw_y.tobytes(), line)
    return tuple(found.values())


def _entry(word: str, series: str, value: RateValue, lines: int) -> str:
    """``learning rate · ViT``; without a block where all share it, or where there is none."""
    return word if lines == 1 or "/" not in series else f"{word} · {title(value.titles, series.split('/', 1)[1])}"


def _first(part: str) -> int:
    return {"rate": 0, "temperature": 3, "throughput": 5, "choice": 6, "keys": 4}[part]


def _is_log(part: str, settings: RateSettings) -> bool:
    return settings.logarithmic and part == "rate"
