"""Where held-out samples of both modalities lie in the space they share, live or replayed: one steady plane, a lasso lists pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.graph.selection import of_task, task_of
from core.store.answers import EmbeddingsAt
from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import series_names
from widgets.monitors.monitor import refill
from widgets.monitors.pairs.embedding_plot import EmbeddingPlot
from widgets.monitors.pairs.listing import PairMonitor
from widgets.monitors.pairs.pair_list import Pair, PairList, PairRow
from widgets.monitors.pairs.plane import along, has_umap, steady
from widgets.monitors.pairs.umap_thread import UMAP_THREAD
from widgets.monitors.titles import run_titles, title

STEM = "embeddings/"
MOST_PAIRS = 96
LOOK_AGAIN_MILLISECONDS = 400  # while UMAP is being made
OWN, HELD, UMAP = "own", "held", "umap"


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """What the person chose."""

    series: str = ""
    axes: str = OWN  # each step's own plane, that of a step which is held, or UMAP
    held: int = 0  # the step whose axes are held


@dataclass(frozen=True, kw_only=True)
class MapValue:
    """One step's points in the plane."""

    series: str
    all_series: tuple[str, ...]
    run: str  # with the task behind it where the run has several
    titles: Mapping[str, str]
    at: EmbeddingsAt
    left_P2: NDArray[np.float64]
    right_P2: NDArray[np.float64]
    gap: float  # distance of the two sides' means
    classes: tuple[str, ...] = field(default=())
    waits: bool = False  # UMAP is being made; meanwhile it is the plane of PCA
    failure: str = ""  # why UMAP could not be made


def read_map(settings: MapSettings, reader: RunReader, cursor: Cursor) -> MapValue | None:
    """The plane at the cursor: a function of what was said up to it, and of the held step."""
    names = series_names(reader, cursor, (STEM,), kind="embeddings")
    if not names:
        return None
    series = settings.series if settings.series in names else names[0]
    looks = reader.embeddings_upto(series, max(cursor.step, settings.held if settings.axes == HELD else 0))
    upto = [look for look in looks if look.step <= cursor.step]
    if not upto:
        return None
    at = upto[-1]
    both = [np.concatenate([look.left, look.right]).astype(np.float64) for look in upto]
    if not all(np.isfinite(points).all() for points in both):
        both = [np.nan_to_num(points) for points in both]
    held = next((look for look in looks if look.step == settings.held), None) if settings.axes == HELD else None
    if held is not None and len(held.left) == len(at.left):
        shown = along(both[-1], np.concatenate([held.left, held.right]).astype(np.float64))
    else:
        shown = steady(both)
    umap = UMAP_THREAD.ask(both[-1], shown) if settings.axes == UMAP and has_umap() else None
    if umap is not None and umap.plane is not None:
        shown = umap.plane
    run, task = cursor.runs[0], task_of(series.removeprefix(STEM))
    return MapValue(
        series=series, all_series=tuple(names), run=of_task(run, task) if task else run, titles=run_titles(reader), at=at,
        left_P2=shown[: len(at.left)], right_P2=shown[len(at.left) :],
        gap=float(np.linalg.norm(at.left.mean(0) - at.right.mean(0))), classes=tuple(dict.fromkeys(at.groups)),
        waits=umap is not None and umap.waits, failure=umap.failure if umap is not None else "",
    )  # fmt: skip


def pairs_within(at: EmbeddingsAt, left: Sequence[int], right: Sequence[int]) -> list[PairRow]:
    """Mismatched pairs whose one side and whose other lie in a lasso, the most alike first; a pair of samples once."""
    cosine_LR = at.left[list(left)] @ at.right[list(right)].T
    best: dict[Pair, PairRow] = {}
    for row, one in enumerate(left):
        for column, other in enumerate(right):
            found = PairRow(
                left=int(at.numbers[one]),
                right=int(at.numbers[other]),
                cosine=float(cosine_LR[row, column]),
                origin="held out",
            )
            if found.left != found.right and (found.key not in best or best[found.key].cosine < found.cosine):
                best[found.key] = found
    return sorted(best.values(), key=lambda row: -row.cosine)[:MOST_PAIRS]


@monitors.register("embedding_map")
class EmbeddingMapMonitor(PairMonitor):
    """Both modalities in one plane."""

    title = "Map of embeddings"
    summary = (
        "Held-out samples in the space that both sides share, seen in one plane: round are the left sides, square the right ones, a thin "
        "line joins those of a sample. Draw around points to list the pairs among them."
    )
    diagnostic = "embedding_map"
    order = 45
    empty = "No map yet. The diagnostic Map of embeddings records a few held-out samples at every evaluation."
    milliseconds_between = 500

    specimensWanted = Signal(str, object)  # uid, sample numbers
    pairsJudged = Signal(str, int, object, str)  # uid, step, pairs, mark
    judgedPairsWanted = Signal(str)  # uid

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot, self.pairs = EmbeddingPlot(), PairList()
        self.pairs.setVisible(False)
        self._inside: tuple[Sequence[int], Sequence[int]] | None = None
        self._asked: tuple[str, tuple[int, ...]] = ("", ())
        self._held = 0
        row = QHBoxLayout()
        row.addWidget(self.plot, 6)
        row.addWidget(self.pairs, 5)
        self.set_picture(row)
        self._again = QTimer(self, singleShot=True, interval=LOOK_AGAIN_MILLISECONDS)
        self._again.timeout.connect(self.settingsChanged)
        self._series = self.add_choice(tr("Objective"), [])
        axes = [(tr("each step's plane, turned onto the one before"), OWN), (tr("axes of one step"), HELD)]
        self._axes = self.add_choice(tr("Axes"), [*axes, *([("UMAP", UMAP)] if has_umap() else [])])
        self._colour = self.add_choice(tr("Colour"), [(tr("by modality"), "modality"), (tr("by class"), "class")])
        self._axes.currentIndexChanged.connect(self._hold)
        self.tools_row.addStretch(1)
        self.plot.lassoed.connect(self._lasso)
        self.plot.cleared.connect(self._close)
        self.pairs.judged.connect(self._judge)
        self.pairs.useRequested.connect(lambda: self.judgedPairsWanted.emit(self._run()))
        self.pairs.closed.connect(self._close)

    def settings(self) -> MapSettings:
        return MapSettings(
            series=self._series.currentData() or "", axes=self._axes.currentData() or OWN, held=self._held
        )

    @staticmethod
    def read(settings: MapSettings, readers: Sequence[RunReader], cursor: Cursor) -> MapValue | None:
        return read_map(settings, readers[0], cursor)

    def draw(self, value: MapValue) -> None:
        refill(
            self._series,
            [(title(value.titles, name.removeprefix(STEM)), name) for name in value.all_series],
            value.series,
        )
        self._colour.setVisible(bool(value.classes))
        names = (tr(value.at.names[0]), tr(value.at.names[1]))
        self.plot.set_points(
            value.left_P2, value.right_P2, colours=self._colours(value), labels=value.at.labels, names=names
        )
        parts = [
            f"{names[0]} ● {names[1]} ■", tr("step {step}", step=f"{value.at.step:,}"),
            tr("gap {gap}", gap=f"{value.gap:.2f}"), tr("{n} samples", n=len(value.at.labels)),
        ]  # fmt: skip
        if value.waits:
            parts.insert(0, tr("UMAP is being computed; the first time it compiles"))
            self._again.start()
        elif value.failure:
            parts.insert(0, tr("UMAP failed: {reason}", reason=value.failure))
        self.figures.set_text(" · ".join(parts), warns=bool(value.failure))
        self._show_pairs()

    def restyle(self) -> None:
        self.plot.update()

    def _colours(self, value: MapValue) -> tuple[list[str], list[str]]:
        count, modality = len(value.at.labels), theme().modality
        if self._colour.currentData() == "class" and value.classes:
            series = theme().series
            own = [series[value.classes.index(group) % len(series)] for group in value.at.groups]
            return own, own
        left, right = (modality.get(name, theme().series[side]) for side, name in enumerate(value.at.names))
        return [left] * count, [right if right != left else theme().series[1]] * count

    def _hold(self) -> None:
        """Axes that are held are those of the step that is shown."""
        value: Any = self.value()
        if self._axes.currentData() == HELD and isinstance(value, MapValue):
            self._held = value.at.step
            self.settingsChanged.emit()

    def _lasso(self, left: Sequence[int], right: Sequence[int]) -> None:
        """The list opens and stays at this step, so that it does not change under the hand."""
        value = self.value()
        if isinstance(value, MapValue):
            self._inside = (left, right)
            self.cursorRequested.emit(value.at.step)
            self.pairs.setVisible(True)
            self.roomRequested.emit(True)
            self._show_pairs()

    def _close(self) -> None:
        self._inside = None
        self.plot.clear_lasso()
        if self.pairs.isVisible():
            self.pairs.setVisible(False)
            self.roomRequested.emit(False)

    def _show_pairs(self) -> None:
        value = self.value()
        if self._inside is None or not isinstance(value, MapValue):
            return
        self.pairs.set_pairs(pairs_within(value.at, *self._inside))
        lacking = self.pairs.model.lacking()
        if value.run != self._asked[0]:
            self.pairs.forget()
        if (value.run, lacking) != self._asked:
            self._asked = (value.run, lacking)
            if lacking:
                self.specimensWanted.emit(value.run, lacking)

    def _judge(self, pairs: tuple[Pair, ...], mark: str) -> None:
        value = self.value()
        if isinstance(value, MapValue):
            self.pairsJudged.emit(value.run, value.at.step, pairs, mark)
