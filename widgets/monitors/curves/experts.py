"""Who does the work: use of each expert by modality over time, dropped tokens, and how sure the router is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.store.reader import RunReader
from widgets.look.language import tr
from widgets.look.sides import side_name
from widgets.look.theme import theme
from widgets.monitors.catalog import monitors
from widgets.monitors.cursor import Cursor
from widgets.monitors.lines import Legend, series_names
from widgets.monitors.monitor import Monitor, refill
from widgets.monitors.pairs.similarity_paint import COLUMNS, columns_of, even
from widgets.monitors.plot import Plot
from widgets.monitors.ranges import nice_above
from widgets.monitors.titles import run_titles, title

FIGURES = ("dropped", "entropy", "purity", "quietest")
QUIET = 0.1  # part of its fair share under which an expert lies idle
FULL = 2.0  # times its fair share at which an expert's cell has its full colour
GAP = 0.6  # of a row, between two modalities


@dataclass(frozen=True, kw_only=True)
class ExpertSettings:
    """Which block; empty: the first."""

    node: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpertValue:
    """Use up to the cursor."""

    nodes: tuple[str, ...]
    node: str
    step: int
    strips: tuple[tuple[str, NDArray[np.float32]], ...]  # modality, shares [columns, experts]
    experts: int
    strip_end: int
    right: float
    figures: tuple[tuple[str, float], ...]
    titles: Mapping[str, str] = field(default_factory=dict)  # by node


@monitors.register("experts")
class ExpertMonitor(Monitor):
    """Heat strips of use, a row for each expert, a band for each modality."""

    title = "Experts"
    summary = (
        "Which expert takes whose tokens. Each band is a modality, each row an expert; bright is twice its fair share."
    )
    diagnostic = "experts"
    order = 55
    empty = "No experts here. They come with a block of experts and the diagnostic Experts."
    milliseconds_between = 300

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = Plot(left=False)
        self._bands: list[pg.ImageItem] = []
        self._legend = Legend()
        page = QVBoxLayout()
        page.setSpacing(0)
        page.addWidget(self._legend)
        page.addWidget(self._plot, 1)
        self.set_picture(page)
        self._node = self.add_choice(tr("Block"), [(tr("first block"), "")])
        self.tools_row.addStretch(1)
        self._plot.cursorRequested.connect(self._point)

    def settings(self) -> ExpertSettings:
        return ExpertSettings(node=self._node.currentData() or "")

    @staticmethod
    def read(settings: ExpertSettings, readers: Sequence[RunReader], cursor: Cursor) -> ExpertValue | None:
        reader = readers[0]
        names = series_names(reader, cursor, ("experts/",), kind="histogram")
        nodes = tuple(dict.fromkeys(name.split("/")[1] for name in names))
        if not nodes:
            return None
        node = settings.node if settings.node in nodes else nodes[0]
        stem = f"experts/{node}/"
        found = {
            name.removeprefix(stem): reader.histogram_strip(name, columns=COLUMNS, upto=cursor.step)
            for name in names
            if name.startswith(stem)
        }
        end = max(
            (int(strip.steps[-1]) for strip in found.values() if strip is not None and len(strip.steps)), default=0
        )
        columns = columns_of(list(found.values()))
        strips = tuple(
            (modality, shares) for modality, strip in found.items() if (shares := even(strip, end, columns)) is not None
        )
        if not strips:
            return None
        figures = tuple(
            (name, value[1]) for name in FIGURES if (value := reader.value_at(f"{stem}{name}", cursor.step)) is not None
        )
        planned = reader.head().steps
        return ExpertValue(
            nodes=nodes, node=node, step=cursor.step, strips=strips, experts=strips[0][1].shape[1], strip_end=max(end, 1),
            right=float(planned) if planned >= cursor.step > 0 else nice_above(float(max(cursor.step, 1))), figures=figures,
            titles=run_titles(reader),
        )  # fmt: skip

    def draw(self, value: ExpertValue) -> None:
        refill(self._node, [(title(value.titles, name), name) for name in value.nodes])
        while len(self._bands) < len(value.strips):
            band = pg.ImageItem(axisOrder="row-major")
            self._plot.addItem(band, ignoreBounds=True)
            self._bands.append(band)
        height = value.experts + GAP
        for number, band in enumerate(self._bands):
            band.setVisible(number < len(value.strips))
            if number < len(value.strips):
                modality, shares = value.strips[number]
                band.setImage(painted(shares, self._colour(modality, number)), autoLevels=False, levels=None)
                bottom = (len(value.strips) - 1 - number) * height
                band.setRect(QRectF(0.0, bottom, float(value.strip_end), float(value.experts)))
        self._plot.set_frame(0.0, value.right, 0.0, len(value.strips) * height - GAP)
        self._plot.set_cursor(float(value.step))
        names = [(side_name(m), self._colour(m, n), Qt.PenStyle.SolidLine) for n, (m, _) in enumerate(value.strips)]
        self._legend.set_entries(names)
        self._write(dict(value.figures), len(value.strips))

    def restyle(self) -> None:
        self._plot.restyle()

    def _colour(self, modality: str, number: int) -> str:
        colours = theme()
        return colours.modality.get(modality, colours.series[number % len(colours.series)])

    def _write(self, figures: dict[str, float], modalities: int) -> None:
        quietest = figures.get("quietest", 1.0)
        if quietest < QUIET:
            self.figures.set_text(
                tr("An expert lies idle: {share} of its fair share", share=f"{quietest:.0%}"), warns=True
            )
            return
        parts = {
            "dropped": tr("dropped {value}", value=f"{figures.get('dropped', 0.0):.1%}"),
            "entropy": tr("entropy {value}", value=f"{figures.get('entropy', 0.0):.2f}"),
            "purity": tr("purity {value} (chance level {chance})", value=f"{figures.get('purity', 0.0):.2f}",
                         chance=f"{1 / max(modalities, 1):.2f}"),
        }  # fmt: skip
        self.figures.set_text(" · ".join(text for name, text in parts.items() if name in figures))

    def _point(self, x: float) -> None:
        self.cursorRequested.emit(max(0, round(x)))


def painted(shares_CE: NDArray[np.float32], colour: str) -> NDArray[np.uint8]:
    """[experts, columns, 4] picture: from the card's colour at no use to the modality's at twice the fair share."""
    strength = np.clip(shares_CE.T * shares_CE.shape[1] / FULL, 0, 1)[:, :, None]
    behind, front = (np.asarray(QColor(c).getRgb()[:3], dtype=np.float32) for c in (theme().canvas, colour))
    out = np.full((*strength.shape[:2], 4), 255, dtype=np.uint8)
    out[:, :, :3] = (behind + (front - behind) * strength).astype(np.uint8)
    return out
