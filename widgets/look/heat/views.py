"""The two halves of an attention picture: a picture with heat over it, and words lit by weight. Both can be pointed at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.heat.scale import Scale
from widgets.look.language import tr
from widgets.look.pictures import difference_of, draw_picture, fitted, heat_colour, heat_of, image_of
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

NOTHING = -1
LETTERS = (
    (1.0, 6.0),
    (0.9, 5.0),
    (0.8, 3.0),
    (0.7, 2.0),
    (0.62, 1.0),
)  # of the usual size, pixels around: the first at which all words fit


class PatchView(QWidget):
    """A picture with heat over its patches; tells which patch the mouse is on."""

    patchHovered = Signal(int, int)  # row, column; -1, -1 when the mouse leaves
    patchChosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: QImage | None = None
        self._heat: QImage | None = None
        self._tell: Callable[[int, int], str] | None = None
        self._weights: NDArray[np.float32] | None = None
        self._grid = (0, 0)
        self._frames = (1, 1)
        self._marked: tuple[int, int] | None = None
        self._on: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(60, 60)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_picture(self, pixels: NDArray[np.uint8] | None) -> None:
        """The picture below the heat; None draws the grid alone."""
        self._picture = image_of(pixels) if pixels is not None and pixels.size else None
        self.update()

    def set_heat(
        self, weights: NDArray[np.float32] | None, grid: tuple[int, int] = (0, 0), scale: Scale | None = None,
        tell: Callable[[int, int], str] | None = None,
    ) -> None:  # fmt: skip
        """Weights [h, w]; None leaves the picture plain but keeps the grid to point at. ``tell``: the tip of a patch."""
        scale = scale or Scale()
        self._weights, self._tell = weights, tell
        if weights is None:
            self._heat = None
        elif scale.is_difference:
            self._heat = difference_of(weights, scale.high)
        else:
            self._heat = heat_of(weights - scale.low, max(scale.high - scale.low, 0.0))
        self._grid = (weights.shape[0], weights.shape[1]) if weights is not None else grid
        self.update()

    def set_frames(self, rows: int, columns: int) -> None:
        """How many frames of a film the picture is a sheet of; lines are drawn between them."""
        self._frames = rows, columns
        self.update()

    def set_marked(self, patch: tuple[int, int] | None) -> None:
        """Frame one patch: the query."""
        self._marked = patch
        self.update()

    def place(self) -> QRectF:
        """Where the picture lies in the widget."""
        wide, high = (1, 1) if self._picture is None else (self._picture.width(), self._picture.height())
        return fitted(wide, high, QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def sizeHint(self) -> QSize:
        return QSize(180, 180)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        place = self.place()
        if self._picture is not None:
            draw_picture(painter, place, self._picture, self._heat)
        else:
            painter.fillRect(place, QColor(theme().raised))
            if self._heat is not None:
                painter.drawImage(place, self._heat)
        self._paint_lines(painter, place)
        for patch, colour in ((self._marked, theme().accent), (self._on, theme().text)):
            if patch is not None and self._grid[0]:
                painter.setPen(QPen(QColor(colour), 1.5))
                painter.drawRect(self._patch_place(place, patch))
        painter.end()

    def _paint_lines(self, painter: QPainter, place: QRectF) -> None:
        rows, columns = self._frames
        painter.setPen(QPen(QColor(theme().panel), 2))
        for row in range(1, rows):
            y = place.top() + row * place.height() / rows
            painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
        for column in range(1, columns):
            x = place.left() + column * place.width() / columns
            painter.drawLine(QPointF(x, place.top()), QPointF(x, place.bottom()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        patch = self._patch_at(event.position())
        if patch != self._on:
            self._on = patch
            self.patchHovered.emit(*(patch or (NOTHING, NOTHING)))
            if patch is not None and self._weights is not None:
                told = self._tell(*patch) if self._tell else Scale().told(float(self._weights[patch]))
                QToolTip.showText(event.globalPosition().toPoint(), plain_tip(told), self)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (patch := self._patch_at(event.position())) is not None:
            self.patchChosen.emit(*patch)

    def leaveEvent(self, event: QEvent) -> None:
        if self._on is not None:
            self._on = None
            self.patchHovered.emit(NOTHING, NOTHING)
            self.update()

    def _patch_at(self, position: QPointF) -> tuple[int, int] | None:
        place, (rows, columns) = self.place(), self._grid
        if not rows or not columns or not place.contains(position):
            return None
        row = int((position.y() - place.top()) / place.height() * rows)
        column = int((position.x() - place.left()) / place.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def _patch_place(self, place: QRectF, patch: tuple[int, int]) -> QRectF:
        high, wide = place.height() / self._grid[0], place.width() / self._grid[1]
        return QRectF(place.left() + patch[1] * wide, place.top() + patch[0] * high, wide, high)


class WordView(QWidget):
    """Words as chips, lit by weight; tells which word the mouse is on."""

    wordHovered = Signal(int)  # NOTHING when the mouse leaves
    wordChosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words: tuple[str, ...] = ()
        self._weights: NDArray[np.float32] | None = None
        self._marked = self._on = NOTHING
        self._scale, self._tips = Scale(), tuple[str, ...]()
        self._places: list[QRectF] = []
        self._letters = QFont(self.font())
        self.setMouseTracking(True)
        self.setMinimumSize(40, 30)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_words(
        self, words: Sequence[str], weights: NDArray[np.float32] | None, marked: int = NOTHING, *, scale: Scale | None = None,
        tips: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Words (empty ones are not shown), how strongly each is lit (None: not at all), the chosen one, what tips say beside it."""
        changed = tuple(words) != self._words
        self._words, self._weights, self._marked = tuple(words), weights, marked
        shown = float(weights[: len(self._words)].max(initial=0.0)) if weights is not None else 0.0
        self._scale, self._tips = scale or Scale(high=shown), tuple(tips)
        if changed:
            self._arrange()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(110, 150)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._letters)
        metrics = QFontMetrics(self._letters)
        for index, (word, place) in enumerate(zip(self._words, self._places)):
            if place.isNull():
                continue
            known = self._weights is not None and index < len(self._weights)
            lit = known and self._scale.high > self._scale.low
            share = self._scale.part(float(self._weights[index])) if self._weights is not None and lit else 0.0
            edge = theme().accent if index == self._marked else theme().text if index == self._on else theme().line
            painter.setPen(QPen(QColor(edge), 1))
            painter.setBrush(
                heat_colour(share, theme().modality["text"], theme().raised) if lit else QColor(theme().raised)
            )
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(QColor(theme().text))
            inner = place.adjusted(6, 0, -6, 0)
            cut = metrics.elidedText(word, Qt.TextElideMode.ElideRight, int(inner.width()) + 1)
            painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, cut)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._word_at(event.position())
        if index != self._on:
            self._on = index
            self.wordHovered.emit(index)
            if index != NOTHING:
                QToolTip.showText(event.globalPosition().toPoint(), plain_tip(self._tip(index)), self)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (index := self._word_at(event.position())) != NOTHING:
            self.wordChosen.emit(index)

    def leaveEvent(self, event: QEvent) -> None:
        if self._on != NOTHING:
            self._on = NOTHING
            self.wordHovered.emit(NOTHING)
            self.update()

    def _tip(self, index: int) -> str:
        if self._weights is None or index >= len(self._weights):
            tip = self._tips[index] if index < len(self._tips) else ""
            return tr("{word}: {value}", word=self._words[index], value=tip) if tip else self._words[index]
        weight = float(self._weights[index])
        value = f"{weight:.2f}" if self._scale.is_cosine else f"{weight * 100:.1f} %"
        return tr("{word}: {value}", word=self._words[index], value=value)

    def _word_at(self, position: QPointF) -> int:
        return next((index for index, place in enumerate(self._places) if place.contains(position)), NOTHING)

    def _arrange(self) -> None:
        """Chips flow in rows, in letters that are small enough for all of them where there are many."""
        needed = 0.0
        for share, air in LETTERS:
            self._letters = QFont(self.font())
            self._letters.setPointSizeF(self.font().pointSizeF() * share)
            needed = self._flow(QFontMetrics(self._letters), air)
            if needed <= self.height() or self.height() <= 0:
                return
        squeeze = max(0.45, self.height() / needed)
        self._places = [QRectF(p.left(), p.top() * squeeze, p.width(), p.height() * squeeze) for p in self._places]

    def _flow(self, metrics: QFontMetrics, air: float) -> float:
        """Place the chips at these letters with so much air; gives the height that they need."""
        high, gap, left, top = metrics.height() + air, min(4.0, air), 0.5, 0.5
        self._places = []
        for word in self._words:
            if not word:
                self._places.append(QRectF())  # not shown
                continue
            wide = min(metrics.horizontalAdvance(word) + 12.0 + gap / 2, max(self.width() - 1.0, 20.0))
            if left > 1 and left + wide > self.width():
                left, top = 0.5, top + high + gap
            self._places.append(QRectF(left, top, wide, high))
            left += wide + gap
        return top + high + 1 if self._words else 0.0
