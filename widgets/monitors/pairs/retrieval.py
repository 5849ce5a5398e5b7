"""How often the right answer is found: R@1, R@5, R@10 both ways on each held-out split, beside what chance would give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from core.graph.selection import EXAMPLES, METRIC, STEM, TEST_HOLDS, metric_of, selecting_series
from core.store.answers import Axis
from core.store.reader import RunReader
from widgets.look.figures import figure_name
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.sides import by_honesty, is_way_back, split_name, way_name
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, Line, LineSet, nearest_step, read_line, series_names, x_range
from widgets.monitors.monitor import Monitor
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import extent, nice_above
from widgets.monitors.titles import run_titles

SURE = 0.99  # by chance: nothing can be read from such a recall
COLUMNS = ("R@1", "R@5", "R@10", "mean rank", "accuracy")  # shares in %
FURTHER = re.compile(r"mAP@[\d.]+|R@1 from \d+")  # more of them, of events in time and of several views


@dataclass(frozen=True, kw_only=True)
class RetrievalSettings:
    """Which recall is drawn over time."""

    metric: str = "R@10"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One split, one way of asking: the figures at the cursor."""

    split: str
    way: str  # image_to_text; image+text, what a question is made of; or the block that was asked
    name: str  # the way in words
    figures: dict[str, float]  # R@1 ..., mean rank; recalls as shares
    chance: dict[str, float]
    examples: int = 0  # N: how many samples all of it stands on; 0 where the run did not say


@dataclass(frozen=True, kw_only=True)
class RetrievalValue:
    """Curves of one recall and the table of all."""

    lines: tuple[Line, ...]
    chances: tuple[Line, ...]
    rows: tuple[Row, ...]
    splits: tuple[str, ...]
    step: int
    cursor_x: float
    axis: Axis
    frame: tuple[float, float, float, float]
    settings: RetrievalSettings
    chosen: tuple[str, float] | None = None  # the figure that chooses at the cursor: its split and its value
    holds: str = ""  # what the test split has that training has not


@monitors.register("retrieval")
class RetrievalMonitor(Monitor):
    """Retrieval on held-out data."""

    title = "Retrieval"
    summary = "Share of queries whose match is among the first 1, 5 or 10. The dotted line is the chance level."
    order = 30
    empty = "No evaluation yet. The training option Evaluation measures retrieval every so many steps."
    milliseconds_between = 800

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = Plot()
        self._lines, self._chances = LineSet(self._plot), LineSet(self._plot)
        self._legend, self._table = Legend(), FigureTable()
        page = QVBoxLayout()
        page.setSpacing(3)
        page.addWidget(self._legend)
        page.addWidget(self._plot, 1)
        page.addWidget(self._table)
        self.set_picture(page)
        recalls = [(name, name) for name in COLUMNS[:3]]
        self._metric = self.add_choice(tr("Which recall over time"), recalls, "R@10")
        self.tools_row.addStretch(1)
        self._plot.cursorRequested.connect(self._point)

    def settings(self) -> RetrievalSettings:
        return RetrievalSettings(metric=self._metric.currentData() or "R@10")

    @staticmethod
    def read(settings: RetrievalSettings, readers: Sequence[RunReader], cursor: Cursor) -> RetrievalValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, ("retrieval/", "score/"))
        told = [name.split("/") for name in names if name.count("/") == 3]
        columns = columns_of(parts[3] for parts in told)
        found = {"/".join(parts[:3]) for parts in told if parts[3] in columns}
        places = tuple(sorted(found, key=_order))
        if not places:
            return None
        titles = run_titles(reader)
        rows = tuple(_row(reader, cursor, stem, titles, columns) for stem in places)
        lines = _curves(reader, cursor, places, settings.metric)
        chances = _curves(reader, cursor, places, f"chance {settings.metric}")
        _, high = extent(line.raw_y for line in (*lines, *chances))
        return RetrievalValue(
            lines=lines, chances=chances, rows=rows, splits=tuple(dict.fromkeys(row.split for row in rows)),
            step=cursor.step, axis=cursor.axis, settings=settings, cursor_x=reader.place(cursor.step, cursor.axis),
            frame=(*x_range(reader, cursor), 0.0, min(1.0, nice_above(high)) if high > 0 else 1.0),
            chosen=_chosen(reader, cursor), holds=reader.param(TEST_HOLDS),
        )  # fmt: skip

    def draw(self, value: RetrievalValue) -> None:
        self._plot.set_frame(*value.frame)
        colours = [_colour(value, line.name) for line in value.lines]
        styles = [
            Qt.PenStyle.DashLine if is_way_back(line.name.split("/")[2]) else Qt.PenStyle.SolidLine
            for line in value.lines
        ]
        self._lines.draw(value.lines, colours, styles, False, False)
        faint = [_colour(value, line.name) for line in value.chances]
        self._chances.draw(value.chances, faint, [Qt.PenStyle.DotLine] * len(faint), False, False)
        self._plot.set_cursor(value.cursor_x)
        called = {(row.split, row.way): f"{_split(row.split, value.holds)} · {row.name}" for row in value.rows}
        names = [called[line.name.split("/")[1], line.name.split("/")[2]] for line in value.lines]
        self._legend.set_entries(list(zip(names, colours, styles)))
        self._table.set_rows(value.rows, [_split_colour(value, row.split) for row in value.rows], value.holds)
        self.figures.set_text(self._headline(value))

    def restyle(self) -> None:
        self._plot.restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._table.set_most(max(1, (self.height() - 150) // (2 * self.fontMetrics().height())))
        super().resizeEvent(event)

    def _headline(self, value: RetrievalValue) -> str:
        """What runs are chosen by, beside chance; where nothing chooses, the same of the first held-out split."""
        metric = value.settings.metric
        split = value.chosen[0] if value.chosen and metric == METRIC else value.splits[0]
        if value.chosen and split not in value.splits:  # of several tasks
            return f"{split_name(split)} · {tr(metric)} {percent(value.chosen[1])} · " + tr("all tasks")
        asked = [row for row in value.rows if row.split == split]
        ways = (metric, "R@1", "accuracy", "mAP@0.5", *reversed(columns_of(asked[0].figures)))
        metric = next((m for m in ways if any(m in row.figures and row.chance.get(m, 0) < SURE for row in asked)), "")
        pairs: dict[frozenset[str], list[Row]] = {}
        for row in asked:
            if metric in row.figures:
                pairs.setdefault(frozenset(row.way.split("_to_")), []).append(row)
        if not pairs:
            return ""
        rows = max(pairs.values(), key=lambda pair: _mean(pair, metric, "figures") - _mean(pair, metric, "chance"))
        named = tr("mean of both directions") if len(rows) > 1 else rows[0].name
        figure = (
            f"{_split(split, value.holds)} · {named} · {figure_name(metric)} {percent(_mean(rows, metric, 'figures'))}"
        )
        chance = tr("chance level {value}", value=percent(_mean(rows, metric, "chance")))
        figure = f"{figure} · {chance}" if metric in rows[0].chance else figure
        return f"{figure} · N {rows[0].examples:,}" if rows[0].examples else figure

    def _point(self, x: float) -> None:
        if isinstance(value := self.value(), RetrievalValue):
            self.cursorRequested.emit(nearest_step(value.lines, x, value.axis))


class FigureTable(QWidget):
    """A row a split with both ways in each cell, chance in a fainter row under it; painted at once."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[Row, ...] = ()
        self._colours: list[str] = []
        self._holds = ""
        self._most = 8
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_most(self, splits: int) -> None:
        """How many splits there is room for; the held-out ones come first."""
        if splits != self._most:
            self._most = splits
            self.updateGeometry()

    def set_rows(self, rows: tuple[Row, ...], colours: list[str], holds: str = "") -> None:
        """Show these rows; ``colours`` go with them, ``holds`` says what the test split is."""
        grown = len(rows) != len(self._rows)
        self._rows, self._colours, self._holds = rows, colours, holds
        self.setToolTip(plain_tip("\n".join(_row_sentence(row, holds) for row in rows)))
        if grown:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, (len(self._splits()) * 2 + 1) * self._line())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _line(self) -> int:
        return self.fontMetrics().height() - 1

    def _splits(self) -> dict[tuple[str, frozenset[str]], list[Row]]:
        """Both ways between two modalities stand together."""
        found: dict[tuple[str, frozenset[str]], list[Row]] = {}
        for row in self._rows:
            found.setdefault((row.split, frozenset(row.way.split("_to_"))), []).append(row)
        return dict(list(found.items())[: self._most])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        font = painter.font()
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.86))
        painter.setFont(font)
        columns = columns_of(column for row in self._rows for column in row.figures)
        line, cell = self._line(), min(84.0, self.width() * 0.18)
        name_width = self.width() - cell * len(columns)
        colours = dict(zip((row.split for row in self._rows), self._colours))
        several = (
            len({frozenset(row.way.split("_to_")) for row in self._rows}) > 1
        )  # each row then says which way it is
        ways = list(dict.fromkeys(row.name for row in self._rows))
        there = "" if several else ways[0] + (" / ←" if len(ways) > 1 else "")
        self._paint_line(painter, 0, name_width, cell, [there, *(_head(column) for column in columns)], theme().muted)
        for number, ((split, _), rows) in enumerate(self._splits().items()):
            top = (1 + number * 2) * line
            painter.fillRect(QRectF(0, top + line * 0.3, 7, line * 0.4), QColor(colours[split]))
            figures = [" / ".join(_cell(row.figures, column) for row in rows) for column in columns]
            name = _split(split, self._holds)
            name = f"{rows[0].name} · {name}" if several else name
            self._paint_line(painter, top, name_width, cell, [name, *figures], theme().text, indent=12)
            chance = [_cell(rows[0].chance, column) if column in rows[0].chance else "" for column in columns]
            count = f"N {rows[0].examples:,}" if rows[0].examples else ""
            under = " · ".join(filter(None, (count, tr("chance level") if any(chance) else "")))
            self._paint_line(painter, top + line, name_width, cell, [under, *chance], theme().muted, indent=12)
        painter.end()

    def _paint_line(
        self,
        painter: QPainter,
        top: float,
        name_width: float,
        cell: float,
        texts: list[str],
        colour: str,
        indent: int = 0,
    ) -> None:
        painter.setPen(QColor(colour))
        middle = Qt.AlignmentFlag.AlignVCenter
        for index, text in enumerate(texts):
            place = QRectF(name_width + (index - 1) * cell, top, cell, self._line())
            if index == 0:
                place = QRectF(indent, top, name_width - indent, self._line())
            side = Qt.AlignmentFlag.AlignLeft if index == 0 else Qt.AlignmentFlag.AlignRight
            if top == 0 and index > 0:  # words stand apart
                place.adjust(6, 0, 0, 0)
            cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(place.width()))
            painter.drawText(place, side | middle, cut)


def percent(share: float) -> str:
    """12 %, 0.8 %."""
    return f"{share * 100:.1f} %" if share < 0.0995 else f"{share * 100:.0f} %"


def _cell(figures: dict[str, float], column: str) -> str:
    """A recall in per cent without the sign; a rank as it is."""
    if column not in figures:
        return "–"
    if column == "mean rank":
        return f"{figures[column]:,.0f}"
    share = figures[column] * 100
    return f"{share:.1f}" if share < 9.95 else f"{share:.0f}"


def _head(column: str) -> str:
    """A column in few letters; in full it stands in the tooltip."""
    measure, _, views = column.partition(" from ")
    return tr("{measure} of {count}", measure=measure, count=views) if views else figure_name(column)


def _row_sentence(row: Row, holds: str = "") -> str:
    figures, chance = (
        ", ".join(f"{figure_name(column)} {_cell(said, column)}" for column in columns_of(said))
        for said in (row.figures, row.chance)
    )
    name = f"{_split(row.split, holds)} · {row.name}"
    name = f"{name} · N {row.examples:,}" if row.examples else name
    if not chance:
        return tr("{name}: {figures} (in %)", name=name, figures=figures)
    return tr("{name}: {figures}; chance level: {chance} (recalls in %)", name=name, figures=figures, chance=chance)


def columns_of(names: Iterable[str]) -> tuple[str, ...]:
    """Those of a run's figures that stand in columns, in their order."""
    there = set(names)
    further = sorted(
        (name for name in there if FURTHER.fullmatch(name)), key=lambda name: float(re.split("@| ", name)[-1])
    )
    return (*(name for name in COLUMNS if name in there), *further)


def _row(reader: RunReader, cursor: Cursor, stem: str, titles: Mapping[str, str], columns: Sequence[str]) -> Row:
    _, split, way = stem.split("/")
    found = {name: reader.value_at(f"{stem}/{name}", cursor.step) for name in columns}
    chance = {name: reader.value_at(f"{stem}/chance {name}", cursor.step) for name in columns if name != "mean rank"}
    examples = reader.value_at(f"{stem}/{EXAMPLES}", cursor.step)
    return Row(
        split=split, way=way, name=titles.get(way) or way_name(way), examples=int(examples[1]) if examples else 0,
        figures={name: pair[1] for name, pair in found.items() if pair},
        chance={name: pair[1] for name, pair in chance.items() if pair},
    )  # fmt: skip


def _split(split: str, holds: str) -> str:
    return split_name(split, holds if split == "test" else "")


def _mean(rows: Sequence[Row], metric: str, which: str) -> float:
    values = [getattr(row, which).get(metric, 0.0) for row in rows]
    return sum(values) / len(values)


def _chosen(reader: RunReader, cursor: Cursor) -> tuple[str, float] | None:
    """The split that chooses in this run, and the figure at the cursor."""
    series = selecting_series(series_names(reader, cursor, (STEM,)))
    found = reader.value_at(series, cursor.step) if series and metric_of(series) == METRIC else None
    return (series.split("/")[1], found[1]) if found else None


def _curves(reader: RunReader, cursor: Cursor, places: Sequence[str], metric: str) -> tuple[Line, ...]:
    """The chosen recall of each way; where chance alone has it whole, R@1; where there is none, the accuracy, or the mAP or R@1 there is."""
    *chance, recall = metric.split()
    found = []
    for stem in places:
        sure = reader.value_at(f"{stem}/chance {recall}", cursor.step)
        wanted = "R@1" if sure and sure[1] >= SURE else recall
        names = [
            f"{stem}/{' '.join([*chance, name])}"
            for name in (wanted, "accuracy", "mAP@0.5", *(f"R@1 from {views}" for views in range(16, 0, -1)))
        ]
        found.append(next((line for name in names if (line := read_line(reader, cursor, name, points=300))), None))
    return tuple(line for line in found if line is not None)


def _order(stem: str) -> tuple[object, ...]:
    """Held-out splits first; among the ways, those between pictures and text."""
    _, split, way = stem.split("/")
    return by_honesty(split), set(way.split("_to_")) != {"image", "text"}, stem


def _split_colour(value: RetrievalValue, split: str) -> str:
    return theme().series[value.splits.index(split) % len(theme().series)]


def _colour(value: RetrievalValue, series: str) -> str:
    return _split_colour(value, series.split("/")[1])
