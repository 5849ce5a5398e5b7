"""What is made at one step, in cells of which one is chosen, and the chosen one over time: the same for images and for audio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.monitors.titles import title

GAP = 3


class AtStep(Protocol):
    """One thing at one step."""

    @property
    def step(self) -> int:
        """When it was made."""


class Made(Protocol):
    """What was made at the cursor, from the same seeds at every step."""

    @property
    def step(self) -> int:
        """That of what is shown."""

    @property
    def chosen(self) -> int:
        """Which one."""

    @property
    def seeds(self) -> Sequence[int]:
        """Of each."""

    @property
    def captions(self) -> Sequence[str]:
        """What each was made from, where it was made from something."""

    @property
    def moments(self) -> Sequence[AtStep]:
        """The chosen one over time, oldest first."""


class Cells(QWidget):
    """One cell each; one is chosen with the mouse or the arrow keys, Enter does something with it."""

    chosen = Signal(int)

    def __init__(self, name: str, hint: QSize, least: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Any = None
        self._hint, self._least = hint, least
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)

    def set_value(self, value: Made) -> None:
        """Show these."""
        self._value = value
        self.setAccessibleDescription(self.caption(value.chosen))
        self.update()

    def count(self) -> int:
        """How many there are to choose from."""
        raise NotImplementedError

    def columns(self) -> int:
        """How many stand side by side."""
        raise NotImplementedError

    def under(self, x: float, y: float) -> int | None:
        """Which one lies there."""
        raise NotImplementedError

    def caption(self, index: int) -> str:
        """What a person is told of one."""
        return caption_of(self._value, index)

    def tip(self, x: float, y: float) -> str:
        """What is told over a place."""
        index = self.under(x, y)
        return "" if index is None else self.caption(index)

    def enter(self) -> None:
        """Something is wanted of the chosen one."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        return self._hint

    def minimumSizeHint(self) -> QSize:
        return self._least

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns(), Qt.Key.Key_Down: self.columns(),
        } if self._value is not None else {}  # fmt: skip
        key = Qt.Key(event.key())
        if self._value is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.enter()
        elif key in steps and 0 <= self._value.chosen + steps[key] < self.count():
            self.chosen.emit(self._value.chosen + steps[key])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._value is not None:
            QToolTip.showText(event.globalPos(), plain_tip(self.tip(event.pos().x(), event.pos().y())), self)
            return True
        return super().event(event)


class Strip(QWidget):
    """The chosen one at many steps, oldest first; a click goes there, Left one back and Home to the first."""

    stepWanted = Signal(int)

    def __init__(self, name: str, cell: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: Made | None = None
        self._cell = cell
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(cell.height() + self.fontMetrics().height() + 2)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def paint(self, painter: QPainter, place: QRectF, moment: Any) -> None:
        """One of them in its place."""
        raise NotImplementedError

    def set_value(self, value: Made) -> None:
        """Show its moments."""
        self._value = value
        self.update()

    def moments(self) -> list[tuple[AtStep, QRectF]]:
        """As many as have room, evenly spread, the first and the last among them."""
        found = self._value.moments if self._value is not None else ()
        width, height = self._cell.width(), self._cell.height()
        count = min(max(1, int((self.width() + GAP) // (width + GAP))), len(found))
        last = len(found) - 1
        kept = [found[round(n * last / max(count - 1, 1)) if count > 1 else last] for n in range(count)]
        return [(moment, QRectF(n * (width + GAP), 0, width, height)) for n, moment in enumerate(kept)]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        shown = self._value.step if self._value is not None else -1
        for moment, place in self.moments():
            self.paint(painter, place, moment)
            is_now = moment.step == shown
            if is_now:
                mark_chosen(painter, place)
            painter.setPen(QColor(theme().accent if is_now else theme().muted))
            foot = QRectF(place.left() - GAP, place.bottom() + 1, place.width() + 2 * GAP, self.fontMetrics().height())
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, short(moment.step))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = next((m for m, place in self.moments() if place.contains(event.position())), None)
        if found is not None:
            self.stepWanted.emit(found.step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = [moment.step for moment in self._value.moments] if self._value is not None else []
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Home and steps:
            self.stepWanted.emit(steps[0])
        elif key == Qt.Key.Key_Left and len(steps) > 1:
            self.stepWanted.emit(steps[-2])
        elif key not in (Qt.Key.Key_Left, Qt.Key.Key_Home) or not steps:
            super().keyPressEvent(event)


def mark_chosen(painter: QPainter, place: QRectF) -> None:
    """A frame around the one that is chosen, or is of the step at the cursor."""
    painter.setPen(QPen(QColor(theme().accent), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(place.adjusted(1, 1, -1, -1))


def cross_out(painter: QPainter, place: QRectF) -> None:
    """What is missing is a crossed box."""
    painter.fillRect(place, QColor(theme().raised))
    painter.setPen(QPen(QColor(theme().bad), 1))
    painter.drawLine(place.topLeft(), place.bottomRight())
    painter.drawLine(place.bottomLeft(), place.topRight())


def caption_of(value: Made, index: int) -> str:
    """Seed, step and what it was made from."""
    words = [tr("seed {seed}", seed=value.seeds[index]), tr("step {step}", step=f"{value.step:,}")]
    return " · ".join([*words, *([value.captions[index]] if index < len(value.captions) else [])])


def short(step: int) -> str:
    """A step in five letters at most."""
    return f"{step:,}" if step < 10_000 else f"{step / 1000:.0f}k" if step < 10**6 else f"{step / 1e6:.1f}M"


def series_title(stem: str, name: str, every: Sequence[str], titles: Any) -> str:
    """A block as it is called on the canvas, with its port where it makes several things."""
    node, _, port = name.removeprefix(stem).partition("/")
    several = sum(other.startswith(f"{stem}{node}/") for other in every) > 1
    return f"{title(titles, node)} · {port}" if several else title(titles, node)
