"""The code book: what every code looks like and how much it is used at the cursor; use, perplexity, dead codes and rate over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, Line, LineSet, read_line, series_names, x_range
from widgets.monitors.made.code_sheet import CodeSheet
from widgets.monitors.made.made_images import decoded
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import compact, nice_above
from widgets.monitors.titles import run_titles, title

STEM, DRAWN = "codes/", "code book/"
FIGURES = ("perplexity", "use", "dead", "bits", "entropy bits")
TOGETHER = {"bits": ("bits", "entropy bits")}  # drawn on one axis


@dataclass(frozen=True, kw_only=True)
class CodeSettings:
    """Which book (empty: the first), and what is drawn over time."""

    series: str = ""
    figure: str = "perplexity"


@dataclass(frozen=True, kw_only=True)
class CodeValue:
    """A book at the cursor."""

    all_series: tuple[str, ...]
    series: str
    step: int  # counted at
    counts: NDArray[np.int64]  # [K]
    picture: QImage | None  # every code, drawn
    figures: Mapping[str, float]
    lines: tuple[Line, ...]
    frame: tuple[float, float, float, float]
    cursor_x: float
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("codes")
class CodeMonitor(Monitor):
    """Use of a quantizer's code book."""

    title = "Code book"
    summary = "Every code as it is drawn alone, with its use under it (a full bar is four times even use; unused codes are faint), and how the use changes."
    diagnostic = "codes"
    order = 38
    empty = "No codes yet. They come with a quantizer and the diagnostic Code book."
    milliseconds_between = 500

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sheet, self._plot, self._legend = CodeSheet(), Plot(), Legend()
        self._lines = LineSet(self._plot)
        self._at = -1
        right = QVBoxLayout()
        right.setSpacing(1)
        right.addWidget(self._legend)
        right.addWidget(self._plot, 1)
        page = QHBoxLayout()
        page.setSpacing(6)
        page.addWidget(self.sheet, 1)
        page.addLayout(right, 1)
        self.set_picture(page)
        self._series = self.add_choice(tr("Block"), [])
        self._figure = self.add_choice(tr("Over time"), [(figure_name(figure), figure) for figure in FIGURES[:4]])
        self.tools_row.addStretch(1)
        self._plot.cursorRequested.connect(lambda x: self.cursorRequested.emit(max(0, round(x))))
        self.sheet.pointed.connect(self._point_at)

    def settings(self) -> CodeSettings:
        return CodeSettings(series=self._series.currentData() or "", figure=self._figure.currentData() or "perplexity")

    @staticmethod
    def read(settings: CodeSettings, readers: Sequence[RunReader], cursor: Cursor) -> CodeValue | None:
        reader = readers[0]
        names = tuple(series_names(reader, cursor, (STEM,), kind="codes"))
        series = settings.series if settings.series in names else next(iter(names), "")
        found = reader.codes_at(series, cursor.step) if series else None
        if found is None:
            return None
        drawn = reader.pictures_at(DRAWN + series.removeprefix(STEM), cursor.step)
        picture = decoded(reader.file, drawn.made[0]).image if drawn is not None else None
        figures = {
            name: at[1] for name in FIGURES if (at := reader.value_at(f"{series}/{name}", cursor.step)) is not None
        }
        shown = TOGETHER.get(settings.figure, (settings.figure,))
        lines = tuple(line for name in shown if (line := read_line(reader, cursor, f"{series}/{name}")) is not None)
        return CodeValue(
            all_series=names, series=series, step=found.step, counts=found.counts.astype(np.int64), picture=picture, figures=figures,
            lines=lines, frame=(*x_range(reader, cursor), 0.0, _top(settings.figure, lines, len(found.counts))),
            cursor_x=reader.place(cursor.step, cursor.axis), titles=run_titles(reader),
        )  # fmt: skip

    def draw(self, value: CodeValue) -> None:
        refill(self._series, [(book_name(value.titles, name), name) for name in value.all_series], value.series)
        self.sheet.set_codes(value.counts, value.picture)
        colours = [theme().series[index] for index in range(len(value.lines))]
        styles = [Qt.PenStyle.SolidLine] * len(colours)
        self._plot.set_frame(*value.frame)
        self._lines.draw(value.lines, colours, styles, False, False)
        self._plot.set_cursor(value.cursor_x)
        names = [figure_name(line.name.rsplit("/", 1)[1]) for line in value.lines]
        self._legend.set_entries(list(zip(names, colours, styles)))
        self._write(value)

    def restyle(self) -> None:
        self._plot.restyle()
        self.sheet.update()

    def _point_at(self, code: int) -> None:
        self._at = code
        if isinstance(value := self.value(), CodeValue):
            self._write(value)

    def _write(self, value: CodeValue) -> None:
        """The code that is pointed at, else the figures of the book."""
        if 0 <= self._at < len(value.counts):
            share = value.counts[self._at] / max(int(value.counts.sum()), 1)
            self.figures.set_text(tr("code {n}: {share} of use", n=self._at, share=f"{share:.2%}"))
            return
        found = value.figures
        parts = [
            tr(
                "perplexity {value} of {codes}",
                value=compact(found.get("perplexity", math.nan)),
                codes=len(value.counts),
            ),
            tr("{n} dead", n=round(found.get("dead", 0.0))),
        ]
        if found.get("bits"):
            parts.append(tr("{value} bits per pixel", value=f"{found['bits']:.3g}"))
        self.figures.set_text(" · ".join(parts), warns=is_collapsed(found, len(value.counts)))


def is_collapsed(figures: Mapping[str, float], codes: int) -> bool:
    """Fewer than half of the codes are used: what then happens to the pictures is not an effect of the book's size."""
    return figures.get("use", 1.0) < 0.5 and codes > 1


def figure_name(figure: str) -> str:
    """What a figure over time is called."""
    return {
        "perplexity": tr("perplexity"), "use": tr("codes used"), "dead": tr("dead codes"), "bits": tr("bits per pixel"),
        "entropy bits": tr("bits per pixel, entropy-coded"),
    }[figure]  # fmt: skip


def book_name(titles: Mapping[str, str], series: str) -> str:
    """A quantizer as it is called on the canvas, with the number of its book where it has several."""
    node, _, book = series.removeprefix(STEM).partition("/")
    return f"{title(titles, node)} · {book}" if book else title(titles, node)


def _top(figure: str, lines: Sequence[Line], codes: int) -> float:
    """The upper end of the axis: all codes, all of them used, or above the highest."""
    if figure in ("perplexity", "dead"):
        return float(codes)
    return 1.0 if figure == "use" else nice_above(max((float(np.nanmax(line.raw_y)) for line in lines), default=1.0))
