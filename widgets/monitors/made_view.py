"""Made images as a grid, each run a block of rows, and under it one of them over time."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import said, tr
from widgets.look.pictures import draw_picture, fitted
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.made_images import MadeValue, Moment, RunMade, Tile

GAP, LEAST_TILE, MOST_TILE = 3, 24, 120
MOMENT = 40  # the side of one moment in the strip


@dataclass(frozen=True)
class Place:
    """Where one image lies: of which run, which place in the grid; with its original beside it."""

    run: int
    index: int
    made: QRectF
    original: QRectF | None


class MadeGrid(QWidget):
    """Tiles of every run; one is chosen with the mouse or the arrow keys, Enter looks closely."""

    chosen = Signal(int)
    closeWanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: MadeValue | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("Made images at the cursor"))

    def set_value(self, value: MadeValue) -> None:
        """Show these."""
        self._value = value
        self.setAccessibleDescription(caption_of(value, value.chosen))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 120)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_TILE, LEAST_TILE)

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
                painter.setPen(QPen(QColor(theme().accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(whole.adjusted(1, 1, -1, -1))
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme().accent), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._under(event.position().x(), event.position().y())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.closeWanted.emit(place.index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        value = self._value
        if value is None:
            return
        columns = self._columns(self._side(value, self._head()), value.runs[0])
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns,
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.closeWanted.emit(value.chosen)
        elif key in steps and 0 <= value.chosen + steps[key] < len(value.runs[0].tiles):
            self.chosen.emit(value.chosen + steps[key])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._value is not None:
            place = self._under(event.pos().x(), event.pos().y())
            words = ""
            if place is not None:
                problem = self._value.runs[place.run].tiles[place.index].problem
                words = "\n".join(part for part in (caption_of(self._value, place.index), said(problem)) if part)
            QToolTip.showText(event.globalPos(), plain_tip(words), self)
            return True
        return super().event(event)

    def _under(self, x: float, y: float) -> Place | None:
        def holds(place: Place) -> bool:
            return place.made.contains(x, y) or (place.original is not None and place.original.contains(x, y))

        return next((place for place in self.places() if holds(place)), None)


class MadeStrip(QWidget):
    """The chosen image at many steps, oldest first; a click goes there."""

    stepWanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: MadeValue | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(MOMENT + self.fontMetrics().height() + 2)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("The chosen image over time"))

    def set_value(self, value: MadeValue) -> None:
        """Show its moments."""
        self._value = value
        self.update()

    def moments(self) -> list[tuple[Moment, QRectF]]:
        """As many as have room, evenly spread, the first and the last among them."""
        found = self._value.moments if self._value is not None else ()
        room = max(1, int((self.width() + GAP) // (MOMENT + GAP)))
        count = min(room, len(found))
        last = len(found) - 1
        kept = [found[round(n * last / max(count - 1, 1)) if count > 1 else last] for n in range(count)]
        return [(moment, QRectF(n * (MOMENT + GAP), 0, MOMENT, MOMENT)) for n, moment in enumerate(kept)]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        shown = self._value.step if self._value is not None else -1
        for moment, place in self.moments():
            paint_tile(painter, place, moment.tile)
            is_now = moment.step == shown
            if is_now:
                painter.setPen(QPen(QColor(theme().accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(place.adjusted(1, 1, -1, -1))
            painter.setPen(QColor(theme().accent if is_now else theme().muted))
            foot = QRectF(place.left() - GAP, place.bottom() + 1, place.width() + 2 * GAP, self.fontMetrics().height())
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, short(moment.step))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = next((m for m, place in self.moments() if place.contains(event.position())), None)
        if found is not None:
            self.stepWanted.emit(found.step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        value, key = self._value, Qt.Key(event.key())
        if value is None or key not in (Qt.Key.Key_Left, Qt.Key.Key_Home):
            super().keyPressEvent(event)
            return
        steps = [moment.step for moment in value.moments]
        if key == Qt.Key.Key_Home:
            self.stepWanted.emit(steps[0])
        elif len(steps) > 1:
            self.stepWanted.emit(steps[-2])


def paint_tile(painter: QPainter, place: QRectF, tile: Tile) -> None:
    """An image in its square; small ones keep their hard edges. What is missing is a crossed square."""
    if tile.image is None:
        painter.fillRect(place, QColor(theme().raised))
        painter.setPen(QPen(QColor(theme().bad), 1))
        painter.drawLine(place.topLeft(), place.bottomRight())
        painter.drawLine(place.bottomLeft(), place.topRight())
        return
    within = fitted(tile.image.width(), tile.image.height(), place)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    if tile.image.width() > within.width():
        draw_picture(painter, within, tile.image)
    else:
        painter.drawImage(within, tile.image)


def caption_of(value: MadeValue, index: int) -> str:
    """Seed, step and what it was made from."""
    words = [tr("seed {seed}", seed=value.seeds[index]), tr("step {step}", step=f"{value.step:,}")]
    return " · ".join([*words, *([value.captions[index]] if index < len(value.captions) else [])])


def short(step: int) -> str:
    """A step in five letters at most."""
    return f"{step:,}" if step < 10_000 else f"{step / 1000:.0f}k" if step < 10**6 else f"{step / 1e6:.1f}M"
