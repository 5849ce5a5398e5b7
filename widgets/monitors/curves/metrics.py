"""Any figure that a run says, over time: searched, pinned, of several runs at once, with its value at the cursor.

Only what is chosen is read and drawn, so a run may say hundreds of figures. Those of one unit share an axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.exploring.places import same_place
from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.curves.metric_list import MetricList
from widgets.monitors.lines import Legend, Line, LineSet, nearest_step, read_line, x_range, y_range
from widgets.monitors.metric_names import metric_title, panel_of, unit_of, written
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot
from widgets.monitors.titles import run_titles

MOST_LINES, MOST_PANELS, MOST_SERIES, AT_FIRST = 24, 4, 8, 3
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
ELSEWHERE = (
    "loss",
    "gradient",
    "rate",
    "temperature",
    "retrieval",
    "similarity",
    "experts",
    "cost",
    "mix",
)  # have a monitor of their own


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """What to draw and how."""

    chosen: tuple[str, ...] = ()
    smoothing: bool = False
    log_y: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Lines of one unit and the frame around them."""

    lines: tuple[Line, ...]
    frame: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """What is drawn at the cursor."""

    panels: tuple[Panel, ...]
    drawn: tuple[str, ...]
    left_out: int  # chosen, and too many to be drawn
    names: tuple[str, ...]  # every figure said so far
    runs: tuple[str, ...]  # names of the runs; the first is watched
    step: int
    cursor_x: float
    axis: Axis
    settings: MetricSettings
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("metrics")
class MetricMonitor(Monitor):
    """Every scalar."""

    title = "Metrics"
    summary = (
        "Any metric of a run. Select rows to plot them, tick a row to pin it; runs selected in Runs are plotted beside."
    )
    order = 95
    empty = "No metrics yet. Press Run, or pick a run in Runs."
    tools_open = True
    compares = True

    pinsChanged = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = MetricList()
        self.list.setFixedWidth(190)
        self._legend = Legend()
        self._plots: list[tuple[Plot, LineSet]] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(2)
        self._column.addWidget(self._legend)
        page = QHBoxLayout()
        page.setSpacing(8)
        page.addWidget(self.list)
        page.addLayout(self._column, 1)
        self.set_picture(page)
        self._smooth = self.add_switch(tr("smooth"), tip=tr("A moving average over the faint line of every step"))
        self._log_y = self.add_switch(tr("log y"), tip=tr("Logarithmic axis of values"))
        self.tools_row.addStretch(1)
        self.list.chosenChanged.connect(self.settingsChanged)
        self.list.pinsChanged.connect(self.pinsChanged)

    def set_pins(self, pins: Sequence[str]) -> None:
        """What a person pinned before."""
        self.list.set_pins(pins)

    def settings(self) -> MetricSettings:
        chosen = tuple(dict.fromkeys((*self.list.pins, *self.list.selected())))
        return MetricSettings(chosen=chosen, smoothing=self._smooth.isChecked(), log_y=self._log_y.isChecked())

    @staticmethod
    def read(settings: MetricSettings, readers: Sequence[RunReader], cursor: Cursor) -> MetricValue | None:
        names = said_so_far(readers, cursor)
        if not names:
            return None
        wanted = [name for name in settings.chosen if name in names] or at_first(names)
        groups, left_out = grouped(wanted)
        found = [panel(settings, readers, cursor, group) for group in groups]
        return MetricValue(
            panels=tuple(each for each in found if each is not None), drawn=tuple(name for group in groups for name in group),
            left_out=left_out, names=names, runs=tuple(reader.facts().name for reader in readers), step=cursor.step,
            cursor_x=readers[0].place(cursor.step, cursor.axis), axis=cursor.axis, settings=settings,
            titles={node: title for reader in reversed(readers) for node, title in run_titles(reader).items()},
        )  # fmt: skip

    def draw(self, value: MetricValue) -> None:
        self.list.set_entries({name: metric_title(name, value.titles) for name in value.names})
        for number, each in enumerate(value.panels):
            plot, lines = self._plot(number)
            plot.setVisible(True)
            plot.plotItem.showAxis("bottom", number == len(value.panels) - 1)
            plot.set_logarithmic(False, value.settings.log_y)
            plot.set_frame(*each.frame)
            plot.setToolTip(plain_tip(unit_of(each.lines[0].name)))
            styles = [STYLES[line.run % len(STYLES)] for line in each.lines]
            lines.draw(each.lines, [colour_of(value, line) for line in each.lines], styles, False, value.settings.log_y)
            plot.set_cursor(value.cursor_x)
        for plot, _ in self._plots[len(value.panels) :]:
            plot.setVisible(False)
        self._write(value)

    def restyle(self) -> None:
        for plot, _ in self._plots:
            plot.restyle()

    def _write(self, value: MetricValue) -> None:
        """Legend, values in the list, and the step."""
        lines = [line for each in value.panels for line in each.lines]
        entries = [(self._named(value, line), colour_of(value, line), STYLES[line.run % len(STYLES)]) for line in lines]
        self._legend.set_entries(entries)
        values: dict[str, list[str]] = {}
        for line in lines:
            if line.at is not None:
                values.setdefault(line.name, []).append(written(line.name, line.at))
        colours = {line.name: colour_of(value, line) for line in lines}
        self.list.show_values({name: " | ".join(each) for name, each in values.items()}, colours)
        parts = [tr("step {step}", step=f"{value.step:,}")]
        parts += [tr("{n} more are chosen than can be drawn", n=value.left_out)] if value.left_out else []
        self.figures.set_text(" · ".join(parts), warns=bool(value.left_out))

    def _named(self, value: MetricValue, line: Line) -> str:
        name = metric_title(line.name, value.titles)
        at = f" {written(line.name, line.at)}" if line.at is not None else ""
        return f"{value.runs[line.run]} · {name}{at}" if len(value.runs) > 1 else f"{name}{at}"

    def _plot(self, number: int) -> tuple[Plot, LineSet]:
        while len(self._plots) <= number:
            plot, place = Plot(), len(self._plots)
            plot.cursorRequested.connect(lambda x, place=place: self._point(place, x))
            self._column.addWidget(plot, 1)
            self._plots.append((plot, LineSet(plot)))
        return self._plots[number]

    def _point(self, number: int, x: float) -> None:
        value = self.value()
        if isinstance(value, MetricValue) and number < len(value.panels):
            own = [line for line in value.panels[number].lines if line.run == 0]
            self.cursorRequested.emit(nearest_step(own, x, value.axis))


def said_so_far(readers: Sequence[RunReader], cursor: Cursor) -> tuple[str, ...]:
    """Every scalar series of the watched run at the cursor, and of the runs beside it."""
    found: set[str] = set()
    for number, reader in enumerate(readers):
        found |= {
            info.name
            for info in reader.series("scalar")
            if info.count and (number or info.first_step <= cursor.step)
        }  # fmt: skip
    return tuple(sorted(found))


def at_first(names: Sequence[str]) -> list[str]:
    """What is drawn before anybody chose: figures that no other monitor shows."""
    own = [name for name in names if name.partition("/")[0] not in ELSEWHERE and name != "throughput"]
    return (own or [name for name in ("throughput", "loss") if name in names] or list(names))[:AT_FIRST]


def grouped(wanted: Sequence[str]) -> tuple[list[list[str]], int]:
    """Series by what may share an axis, as many as can be told apart; and how many are left out."""
    groups: dict[tuple[str, str], list[str]] = {}
    drawn = 0
    for name in wanted:
        key = panel_of(name)
        if drawn < MOST_SERIES and (key in groups or len(groups) < MOST_PANELS):
            groups.setdefault(key, []).append(name)
            drawn += 1
    return list(groups.values()), len(wanted) - drawn


def panel(settings: MetricSettings, readers: Sequence[RunReader], cursor: Cursor, names: Sequence[str]) -> Panel | None:
    """The lines of one axis: of the watched run up to the cursor, of the others whole, all with their value at the cursor."""
    lines: list[Line] = []
    for number, reader in enumerate(readers):
        for name in names:
            line = _line(settings, (readers[0], reader), cursor, name, number)
            if line is not None and len(lines) < MOST_LINES:
                lines.append(line)
    if not lines:
        return None
    right = max(x_range(reader, cursor)[1] for reader in readers)
    right = max([right, *(float(line.x[-1]) for line in lines)])
    return Panel(lines=tuple(lines), frame=(0.0, right, *y_range(lines, settings.log_y)))


def _line(
    settings: MetricSettings, pair: tuple[RunReader, RunReader], cursor: Cursor, name: str, number: int
) -> Line | None:  # fmt: skip
    """A run's line; of one beside the watched run, with its value at the same place on the axis that is shown."""
    first, reader = pair
    whole = replace(cursor, step=max(cursor.step, reader.head().step)) if number else cursor
    line = read_line(reader, whole, name, run=number, smoothing=0.9 if settings.smoothing else 0.0)
    if line is None or not number:
        return line
    step = same_place(first, cursor.step, reader, cursor.axis)
    found = reader.value_at(name, step) if (line.steps <= step).any() else None
    return replace(line, at=found[1] if found is not None else None)


def colour_of(value: MetricValue, line: Line) -> str:
    """A series' colour, the same for every run; runs differ by their stroke."""
    colours = theme().series
    return colours[value.drawn.index(line.name) % len(colours)]
