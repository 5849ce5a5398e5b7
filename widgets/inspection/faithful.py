"""Is the map faithful? How the score falls when what it marks is removed first, and comes back when it is put back first, beside random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from widgets.inspection.values import WAYS, Curves
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme

EDGE, FOOT, PLOT = 52, 18, 110  # pixels; numbers on the axis may be logits below zero
TITLES = {"deletion": "Removed first", "insertion": "Put back first"}


class CurvePlot(QWidget):
    """Two curves over the share of regions: the map's, and the mean at random with where 95 % of the draws lie."""

    def __init__(self, kind: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self._curves = kind, None
        self._curves: Curves | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(PLOT)
        self.setAccessibleName(tr(TITLES[kind]))
        look.changed.connect(self.update)

    def show_curves(self, curves: Curves | None) -> None:
        """Draw these."""
        self._curves = curves
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, PLOT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect()).adjusted(EDGE, FOOT, -4, -FOOT)
        painter.setPen(QColor(theme().muted))
        painter.drawText(
            QRectF(EDGE, 0, self.width() - EDGE, FOOT), Qt.AlignmentFlag.AlignVCenter, tr(TITLES[self._kind])
        )
        painter.setPen(QPen(QColor(theme().line), 1))
        painter.drawRect(place)
        if self._curves is not None:
            self._paint_curves(painter, place, self._curves)
        painter.end()

    def _paint_curves(self, painter: QPainter, place: QRectF, curves: Curves) -> None:
        own = curves.deletion_S if self._kind == "deletion" else curves.insertion_S
        mean, low, high = curves.random[self._kind]
        least, most = float(min(own.min(), low.min())), float(max(own.max(), high.max()))
        spread = (most - least) or 1.0

        def points(values: NDArray[np.float32]) -> list[QPointF]:
            return [
                QPointF(
                    place.left() + share * place.width(),
                    place.bottom() - (float(value) - least) / spread * place.height(),
                )
                for share, value in zip(curves.shares, values)
            ]

        band = QColor(theme().muted)
        band.setAlpha(60)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(band)
        painter.drawPolygon(QPolygonF([*points(high), *reversed(points(low))]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for values, colour in ((mean, theme().muted), (own, theme().accent)):
            painter.setPen(QPen(QColor(colour), 2))
            painter.drawPolyline(QPolygonF(points(values)))
        painter.setPen(QColor(theme().muted))
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(0, place.top() - 8, EDGE - 4, 16), right, f"{most:.2f}")
        painter.drawText(QRectF(0, place.bottom() - 8, EDGE - 4, 16), right, f"{least:.2f}")
        for share, align in ((0, Qt.AlignmentFlag.AlignLeft), (1, right)):
            painter.drawText(QRectF(place.left(), place.bottom() + 1, place.width(), FOOT), align, f"{100 * share} %")


class FaithfulnessPanel(QWidget):
    """A command, its progress, two plots and what they say in words."""

    measureRequested = Signal()
    cancelRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.measure, self.cancel = QPushButton(tr("Measure faithfulness")), QPushButton(tr("Cancel"))
        self.measure.setToolTip(
            tr(
                "Remove the regions that this map marks most, 10 % by 10 %, and see how the score falls beside random regions."
            )
        )
        self.progress, self.words = QProgressBar(), QLabel()
        self.plots = {kind: CurvePlot(kind) for kind in TITLES}
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.addWidget(self.measure)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        plots = QHBoxLayout()
        for plot in self.plots.values():
            plots.addWidget(plot)
        column.addLayout(buttons)
        column.addWidget(self.progress)
        column.addWidget(self.words)
        column.addLayout(plots)
        self.measure.clicked.connect(self.measureRequested)
        self.cancel.clicked.connect(self.cancelRequested)
        self.forget()

    def set_possible(self, why_not: str) -> None:
        """Whether there is something to measure; else why not."""
        self.measure.setEnabled(not why_not)
        if why_not:
            self.measure.setToolTip(plain_tip(why_not))

    def forget(self, words: str = "") -> None:
        """Nothing is measured of what is shown."""
        self._show(None)
        self._set_busy(False)
        self.words.setText(words)

    def show_progress(self, share: float) -> None:
        """How far the measurement is."""
        self._set_busy(True)
        self.progress.setValue(round(100 * share))

    def show_curves(self, curves: Curves) -> None:
        """What was measured."""
        self._set_busy(False)
        self._show(curves)
        self.words.setText(told(curves))

    def _show(self, curves: Curves | None) -> None:
        for plot in self.plots.values():
            plot.show_curves(curves)
            plot.setVisible(curves is not None)

    def _set_busy(self, is_busy: bool) -> None:
        self.cancel.setVisible(is_busy)
        self.measure.setVisible(not is_busy)
        self.progress.setVisible(is_busy)
        self.progress.setRange(0, 100)
        if is_busy:
            self.words.setText(tr("Removing regions…"))


def told(curves: Curves) -> str:
    """What the curves say of this sample."""
    way = tr(WAYS[curves.way])  # type: ignore[index]
    falls, comes = (
        curves.areas["random deletion"] - curves.areas["deletion"],
        curves.areas["insertion"] - curves.areas["random insertion"],
    )
    figures = tr(
        "{way}: area when removed {deletion} (random {random}), when put back {insertion} (random {other}), {n} random draws.",
        way=way, deletion=f"{curves.areas['deletion']:.3f}", random=f"{curves.areas['random deletion']:.3f}",
        insertion=f"{curves.areas['insertion']:.3f}", other=f"{curves.areas['random insertion']:.3f}", n=curves.draws,
    )  # fmt: skip
    if falls > 0 and comes > 0:
        return f"{figures} {tr('On this sample it marks what the score rests on.')}"
    if falls < 0 and comes < 0:
        return f"{figures} {tr('On this sample random regions matter more: do not trust this map.')}"
    return f"{figures} {tr('On this sample the two tests disagree.')}"
