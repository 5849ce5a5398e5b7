"""Made images as a grid, each run a block of rows, and under it one of them over time."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from widgets.look.language import said, tr
from widgets.look.pictures import draw_picture, fitted
from widgets.look.theme import theme
from widgets.monitors.made.cells import GAP, Cells, Strip, cross_out, mark_chosen
from widgets.monitors.made.made_images import MadeValue, Moment, RunMade, Tile

LEAST_TILE, MOST_TILE = 24, 120
MOMENT = 40  # the side of one moment in the strip


@dataclass(frozen=True)
class Place:
    """Where one image lies: of which run, which place in the grid; with its original beside it."""

    run: int
    index: int
    made: QRectF
    original: QRectF | None


class MadeGrid(Cells):
    """Tiles of every run; a click or Enter looks closely."""

    closeWanted = Signal(int)
    _value: MadeValue | None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Made images at the cursor"), QSize(240, 120), QSize(LEAST_TILE, LEAST_TILE), parent)

    def places(self) -> list[Place]:
        """Every image, in tiles as large as there is room for."""
        value = self._value
        if value is None or not value.runs:
            return []
        head = self._head()
        side = self._side(value, head)
        found, top = [], 0.0
        for number, run in enumerate(value.runs):
            top += head
            columns = self._columns(side, run)
            for index in range(len(run.tiles)):
                row, column = divmod(index, columns)
                left = column * (self._wide(side, run) + GAP)
                place = QRectF(left, top + row * (side + GAP), side, side)
                beside = place.translated(side, 0) if run.originals else None
                found.append(Place(number, index, beside or place, place if beside is not None else None))
            top += -(-len(run.tiles) // columns) * (side + GAP)
        return found

    def _head(self) -> float:
        several = self._value is not None and len(self._value.runs) > 1
        return self.fontMetrics().height() + 2.0 if several else 0.0

    def _wide(self, side: float, run: RunMade) -> float:
        return 2 * side if run.originals else side

    def _columns(self, side: float, run: RunMade) -> int:
        return max(1, int((self.width() + GAP) // (self._wide(side, run) + GAP)))

    def _side(self, value: MadeValue, head: float) -> float:
        """The largest side at which all of them fit; no smaller than can be told apart."""
        for side in range(MOST_TILE, LEAST_TILE, -1):
            rows = sum(-(-len(run.tiles) // self._columns(side, run)) for run in value.runs)
            fits = all(self._wide(side, run) <= self.width() for run in value.runs)
            if fits and rows * (side + GAP) + len(value.runs) * head <= self.height():
                return float(side)
        return float(LEAST_TILE)

    def paintEvent(self, event: QPaintEvent) -> None:
        value = self._value
        if value is None:
            return
        painter = QPainter(self)
        named: set[int] = set()
        for place in self.places():
            run = value.runs[place.run]
            if self._head() and place.run not in named:
                named.add(place.run)
                line = QRectF(0, place.made.top() - self._head(), self.width(), self._head())
                painter.setPen(QColor(theme().series[place.run % len(theme().series)]))
                words = tr("{name} · step {step}", name=run.name, step=f"{run.step:,}")
                painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)
            if place.original is not None:
                paint_tile(painter, place.original, run.originals[place.index])
            paint_tile(painter, place.made, run.tiles[place.index])
            if place.index == value.chosen:
                whole = place.made if place.original is None else place.made.united(place.original)
                mark_chosen(painter, whole)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme().accent), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.under(event.position().x(), event.position().y())
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self.closeWanted.emit(index)

    def count(self) -> int:
        """Those of the first run; of others there are as many."""
        return len(self._value.runs[0].tiles) if self._value is not None else 0

    def columns(self) -> int:
        """Of the first run."""
        value = self._value
        return 1 if value is None else self._columns(self._side(value, self._head()), value.runs[0])

    def under(self, x: float, y: float) -> int | None:
        """The image, or its original."""
        place = self._under(x, y)
        return None if place is None else place.index

    def tip(self, x: float, y: float) -> str:
        """With what is wrong with it."""
        place = self._under(x, y)
        if place is None or self._value is None:
            return ""
        problem = self._value.runs[place.run].tiles[place.index].problem
        return "\n".join(part for part in (self.caption(place.index), said(problem)) if part)

    def place_at(self, at: QPoint) -> tuple[int, int, str] | None:
        """Run, number and role of the image there."""
        place = self._under(at.x(), at.y())
        if place is None:
            return None
        is_original = place.original is not None and place.original.contains(at)
        return place.run, place.index, "original" if is_original else "made"

    def enter(self) -> None:
        """Look closely."""
        if self._value is not None:
            self.closeWanted.emit(self._value.chosen)

    def _under(self, x: float, y: float) -> Place | None:
        def holds(place: Place) -> bool:
            return place.made.contains(x, y) or (place.original is not None and place.original.contains(x, y))

        return next((place for place in self.places() if holds(place)), None)


class MadeStrip(Strip):
    """The chosen image over time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("The chosen image over time"), QSize(MOMENT, MOMENT), parent)

    def paint(self, painter: QPainter, place: QRectF, moment: Moment) -> None:
        """A tile."""
        paint_tile(painter, place, moment.tile)


def paint_tile(painter: QPainter, place: QRectF, tile: Tile) -> None:
    """An image in its square; small ones keep their hard edges. What is missing is a crossed square."""
    if tile.image is None:
        cross_out(painter, place)
        return
    within = fitted(tile.image.width(), tile.image.height(), place)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    if tile.image.width() > within.width():
        draw_picture(painter, within, tile.image)
    else:
        painter.drawImage(within, tile.image)
