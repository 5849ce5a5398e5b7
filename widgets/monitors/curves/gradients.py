"""How strongly each part of the model is pulled: gradient norms by block or by modality, with the steps that were clipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.sides import side_name
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, Line, LineSet, nearest_step, read_line, series_names, x_range, y_range
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot, thin
from widgets.monitors.ranges import compact
from widgets.monitors.titles import run_titles, title

CLIPPED = "clipped/"  # by group; above zero at a step where it was clipped
MODALITY = "gradient/modality/"
MOST_TICKS = 200


@dataclass(frozen=True, kw_only=True)
class GradientSettings:
    """By block or by modality."""

    by: str = "node"
    logarithmic: bool = True


@dataclass(frozen=True, kw_only=True)
class GradientValue:
    """Norms up to the cursor."""

    lines: tuple[Line, ...]
    clipped_x: NDArray[np.float64]  # places of clipped steps
    step: int
    cursor_x: float
    axis: Axis
    frame: tuple[float, float, float, float]
    settings: GradientSettings
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("gradients")
class GradientMonitor(Monitor):
    """Gradient norms."""

    title = "Gradients"
    summary = "Norm of the gradient in each block. A line that falls to nothing is a block that no longer learns."
    diagnostic = "gradients"
    order = 50
    empty = "No gradients yet. They come with the diagnostic Gradients while a run trains."
    milliseconds_between = 300

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = Plot()
        self._lines = LineSet(self._plot)
        self._ticks = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self._plot.addItem(self._ticks, ignoreBounds=True)
        self._legend = Legend()
        page = QVBoxLayout()
        page.setSpacing(0)
        page.addWidget(self._legend)
        page.addWidget(self._plot, 1)
        self.set_picture(page)
        self._by = self.add_choice(tr("Group by"), [(tr("by block"), "node"), (tr("by modality"), "modality")])
        self._log = self.add_switch(tr("log y"), True, tip=tr("Logarithmic axis of values"))
        self.tools_row.addStretch(1)
        self._plot.cursorRequested.connect(self._point)

    def settings(self) -> GradientSettings:
        return GradientSettings(by=self._by.currentData() or "node", logarithmic=self._log.isChecked())

    @staticmethod
    def read(settings: GradientSettings, readers: Sequence[RunReader], cursor: Cursor) -> GradientValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, ("gradient/",))
        clipped = series_names(reader, cursor, (CLIPPED,))
        of_modality = [name for name in names if name.startswith(MODALITY)]
        of_node = [name for name in names if name not in of_modality]
        wanted = of_modality if settings.by == "modality" else of_node
        lines = tuple(line for name in wanted if (line := read_line(reader, cursor, name, points=500)) is not None)
        if not lines:
            return None
        return GradientValue(
            lines=lines, clipped_x=_clipped(reader, cursor, clipped), step=cursor.step,
            cursor_x=reader.place(cursor.step, cursor.axis), axis=cursor.axis, settings=settings, titles=run_titles(reader),
            frame=(*x_range(reader, cursor), *y_range(lines, settings.logarithmic)),
        )  # fmt: skip

    def draw(self, value: GradientValue) -> None:
        colours = [_colour(line.name, index) for index, line in enumerate(value.lines)]
        solid = [Qt.PenStyle.SolidLine] * len(value.lines)
        logarithmic = value.settings.logarithmic
        self._plot.set_logarithmic(False, logarithmic)
        self._plot.set_frame(*value.frame)
        self._lines.draw(value.lines, colours, solid, False, logarithmic)
        self._plot.set_cursor(value.cursor_x)
        _, _, bottom, top = value.frame
        self._ticks.setPen(thin(theme().warning))
        heights = np.tile([top, top - (top - bottom) * 0.06], len(value.clipped_x))
        self._ticks.setData(np.repeat(value.clipped_x, 2), heights, connect="pairs", skipFiniteCheck=True)
        self._legend.set_entries(
            [(short_name(line.name, value.titles), c, s) for line, c, s in zip(value.lines, colours, solid)]
        )
        largest = max((line for line in value.lines if line.at is not None), key=lambda line: line.at or 0.0)
        text = tr(
            "largest: {name} {value}", name=short_name(largest.name, value.titles), value=compact(largest.at or 0.0)
        )
        clipped = tr("clipped {n}×", n=len(value.clipped_x)) if len(value.clipped_x) else ""
        self.figures.set_text(" · ".join(part for part in (text, clipped) if part))

    def restyle(self) -> None:
        self._plot.restyle()

    def _point(self, x: float) -> None:
        if isinstance(value := self.value(), GradientValue):
            self.cursorRequested.emit(nearest_step(value.lines, x, value.axis))


def _clipped(reader: RunReader, cursor: Cursor, names: Sequence[str]) -> NDArray[np.float64]:
    """Where any group was clipped."""
    places = [np.zeros(0)]
    for name in names:
        curve = reader.curve(name, axis=cursor.axis, points=MOST_TICKS, upto=cursor.step)
        places.append(np.asarray(curve.x, dtype=np.float64)[np.asarray(curve.high) > 0])
    return np.unique(np.concatenate(places))


def short_name(series: str, titles: Mapping[str, str]) -> str:
    """A series as a person says it: ``gradient/modality/image`` is the picture, ``gradient/vit`` the block's title."""
    name = series.rsplit("/", 1)[-1]
    return side_name(name) if series.startswith(MODALITY) else title(titles, name)


def _colour(series: str, index: int) -> str:
    colours = theme()
    kind = series.removeprefix(MODALITY)
    if series.startswith(MODALITY) and kind in colours.modality:
        return colours.modality[kind]
    return colours.series[index % len(colours.series)]
