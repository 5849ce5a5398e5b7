"""How the tasks of a run take turns: the share drawn so far beside the share asked for, and how often each has seen its data."""

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

ASKED, DRAWN, EPOCHS = "mix/asked/", "mix/drawn/", "mix/epochs/"


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """Nothing to choose."""


@dataclass(frozen=True, kw_only=True)
class TaskValue:
    """Lines up to the cursor; tasks in the order of their titles."""

    tasks: tuple[str, ...]
    shares: tuple[Line, ...]  # asked for and drawn
    epochs: tuple[Line, ...]
    frame: tuple[float, float, float, float]
    epoch_frame: tuple[float, float, float, float]
    step: int
    cursor_x: float
    axis: Axis


@monitors.register("tasks")
class TaskMonitor(Monitor):
    """Turns of tasks."""

    title = "Tasks"
    summary = (
        "Share of steps that each task has had so far, beside the dashed share asked for; below, passes over its data."
    )
    order = 62
    empty = "One task: nothing is shared out. A graph with two sources has two tasks."
    milliseconds_between = 400

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares, self._epochs = Plot(bottom=False), Plot()
        self._lines, self._passes = LineSet(self._shares), LineSet(self._epochs)
        self._legend, self._below = Legend(), Legend()
        page = QVBoxLayout()
        page.setSpacing(1)
        for widget, stretch in ((self._legend, 0), (self._shares, 3), (self._below, 0), (self._epochs, 2)):
            page.addWidget(widget, stretch)
        for plot in (self._shares, self._epochs):
            plot.setMinimumHeight(22)
            plot.cursorRequested.connect(self._point)
        self.set_picture(page)

    def settings(self) -> TaskSettings:
        return TaskSettings()

    @staticmethod
    def read(settings: TaskSettings, readers: Sequence[RunReader], cursor: Cursor) -> TaskValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, (ASKED,))
        tasks = tuple(name.removeprefix(ASKED) for name in names)
        if not tasks:
            return None

        def read(*prefixes: str) -> tuple[Line, ...]:
            found = [read_line(reader, cursor, f"{prefix}{task}", points=400) for task in tasks for prefix in prefixes]
            return tuple(line for line in found if line is not None)

        epochs, right = read(EPOCHS), x_range(reader, cursor)
        return TaskValue(
            tasks=tasks, shares=read(ASKED, DRAWN), epochs=epochs, frame=(*right, 0.0, 1.0),
            epoch_frame=(*right, *y_range(epochs, False)), step=cursor.step, axis=cursor.axis,
            cursor_x=reader.place(cursor.step, cursor.axis),
        )  # fmt: skip

    def draw(self, value: TaskValue) -> None:
        for plot, lines, curves, legend, frame in (
            (self._shares, value.shares, self._lines, self._legend, value.frame),
            (self._epochs, value.epochs, self._passes, self._below, value.epoch_frame),
        ):
            colours = [theme().series[value.tasks.index(_task(line)) % len(theme().series)] for line in lines]
            styles = [Qt.PenStyle.DashLine if line.name.startswith(ASKED) else Qt.PenStyle.SolidLine for line in lines]
            plot.set_frame(*frame)
            curves.draw(lines, colours, styles, False, False)
            plot.set_cursor(value.cursor_x)
            legend.set_entries([(_entry(line), *look) for line, *look in zip(lines, colours, styles)])
        self.figures.set_text(" · ".join(_figures(value, task) for task in value.tasks))

    def restyle(self) -> None:
        for plot in (self._shares, self._epochs):
            plot.restyle()

    def _point(self, x: float) -> None:
        if isinstance(value := self.value(), TaskValue):
            self.cursorRequested.emit(nearest_step(value.shares, x, value.axis))


def _task(line: Line) -> str:
    return line.name.split("/", 2)[2]


def _entry(line: Line) -> str:
    words = {ASKED: tr("asked for"), DRAWN: tr("drawn"), EPOCHS: tr("epochs")}
    word = next(word for prefix, word in words.items() if line.name.startswith(prefix))
    return f"{tr(_task(line))} · {word}"


def _figures(value: TaskValue, task: str) -> str:
    """``Emoji pairs 61.2 % of 62.5 %``; the weight alone where all tasks learn at every step."""
    at = {line.name: line.at for line in value.shares}
    asked, drawn = at.get(f"{ASKED}{task}"), at.get(f"{DRAWN}{task}")
    share = f"{100 * (asked or 0.0):.1f} %"
    if drawn is None:
        return f"{tr(task)} {share}"
    return tr("{task} {drawn} of {asked}", task=tr(task), drawn=f"{100 * drawn:.1f} %", asked=share)
