"""One outgoing port looked into: what it shows, its figures, its tokens and its neighbours."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from core.graph.dataset import Specimen
from core.graph.inside import Flow, Numbers
from widgets.inside.drawn import Frames, Histogram, Matrix, Picture, Sound, Words, bands_image
from widgets.look.language import tr
from widgets.look.pictures import image_of
from widgets.look.strip import Strip


class FlowView(QWidget):
    """Shows one :class:`Flow`; made anew for another."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 8)
        self._column.setSpacing(6)
        kind = tr(flow.kind, "kind")
        shape = " × ".join(map(str, flow.numbers.shape)) if flow.numbers else ""
        name = tr(flow.port, "port")
        self._column.addWidget(line(" · ".join(filter(None, (name, kind if kind != name else "", shape))), bold=True))
        self._show_medium()
        if flow.numbers is not None:
            self._column.addWidget(Figures(flow.numbers))
            if flow.numbers.counts:
                self._column.addWidget(Histogram(flow.numbers))
        self._show_tokens()
        self._show_neighbours()

    def _show_medium(self) -> None:
        flow = self.flow
        if flow.sentence:
            self._column.addWidget(line(f"“{flow.sentence}”"))
        if flow.picture is not None:
            words = tr("Image")
            if flow.grid is not None:
                words = tr("Image with its {rows} × {columns} patches, lit by the norm of each token", rows=flow.grid[0], columns=flow.grid[1])  # fmt: skip
            self._column.addWidget(Picture(image_of(flow.picture), words, flow.grid, flow.heat))
        if flow.bands_FT is not None:
            self._column.addWidget(Picture(bands_image(flow.bands_FT), tr("Spectrogram, low bands below"), flow.grid, flow.heat, whole=True))  # fmt: skip
        if flow.samples_S is not None:
            self._column.addWidget(Sound(flow.samples_S, flow.hertz))
        if flow.frames:
            self._column.addWidget(Frames(flow.frames, flow.starts))
        if flow.words or flow.ids:
            self._column.addWidget(Words(flow.words, flow.ids, flow.lit))

    def _show_tokens(self) -> None:
        flow = self.flow
        if flow.channels_NC is not None:
            words = tr("Tokens (down) by channels (across)") if flow.kind == "tokens" else tr("Channels (across)")
            self._column.addWidget(line(words, muted=True))
            self._column.addWidget(Matrix(flow.channels_NC, words))
        if flow.cosines_NN is not None:
            words = tr("Cosines of the tokens among each other")
            self._column.addWidget(line(words, muted=True))
            self._column.addWidget(Matrix(flow.cosines_NN, words, square=True))

    def _show_neighbours(self) -> None:
        flow = self.flow
        if flow.awaits_neighbours:
            self._column.addWidget(line(tr("Looking for the nearest held-out samples…"), muted=True))
        if flow.neighbours:
            self._column.addWidget(line(tr("Nearest held-out samples, by cosine"), muted=True))
            samples = [
                Specimen(split="", sentence=f"{near.cosine:.2f} · {near.sentence}", picture=near.picture)
                for near in flow.neighbours
            ]
            if all(near.picture is None for near in flow.neighbours):
                for sample in samples:
                    self._column.addWidget(line(sample.sentence))
            else:
                self._column.addWidget(Strip(samples, width=64, height=64))


class Figures(QWidget):
    """Norm, mean, spread, the share of zeros and of what is not finite."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        told = [
            (tr("Norm"), f"{numbers.norm:.4g}"), (tr("Mean"), f"{numbers.mean:.3g}"), (tr("Spread"), f"{numbers.spread:.3g}"),
            (tr("Zeros"), percent(numbers.zeros)), (tr("Not finite"), percent(numbers.not_finite)), (tr("Kept as"), numbers.dtype),
        ]  # fmt: skip
        if not numbers.shape:
            told = [(tr("Value"), f"{numbers.mean:.5g}"), (tr("Kept as"), numbers.dtype)]
        for place, (name, value) in enumerate(told):
            row, column = divmod(place, 3)
            label = line(name, muted=True)
            grid.addWidget(label, 2 * row, column)
            grid.addWidget(line(value), 2 * row + 1, column)
        self.setAccessibleName(" · ".join(f"{name} {value}" for name, value in told))


def percent(share: float) -> str:
    """A share as it is read: of a few it is never said that there are none."""
    return "0 %" if not share else f"{100 * share:.2g} %" if share < 0.995 else "100 %"


def line(text: str, muted: bool = False, bold: bool = False) -> QLabel:
    """A plain text that wraps."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("muted", muted)
    font = label.font()
    font.setBold(bold)
    label.setFont(font)
    return label
