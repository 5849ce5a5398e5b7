"""The timeline's bar: planned steps, how far the head is, marks, the range that is repeated, and the handle to drag."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.store.answers import Head, MarkFacts
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

NEAR_PIXELS = 6.0


class Bar(QWidget):
    """The bar: planned steps, how far the head is, the marks, the range that is repeated, the handle."""

    stepRequested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = Head()
        self.marks: tuple[MarkFacts, ...] = ()
        self.cursor_step = 0
        self.loop: tuple[int, int] | None = None
        self._focused = False
        self._dragging = False
        self._loop_from: int | None = None
        self._hovered: float | None = None
        self.setMouseTracking(True)
        self.setMinimumSize(120, 36)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_head(self, head: Head) -> None:
        """How far the run has come."""
        if head != self.head:
            self.head = head
            self.update()

    def set_cursor(self, step: int) -> None:
        """Put the handle at a step."""
        if step != self.cursor_step:
            self.cursor_step = step
            self.update()

    def set_marks(self, marks: tuple[MarkFacts, ...]) -> None:
        """Show these moments."""
        self.marks = marks
        self.update()

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        """Shade the range that is repeated."""
        self.loop = loop
        self.update()

    def set_focused(self, focused: bool) -> None:
        """Whether keys go to the timeline."""
        self._focused = focused
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(500, 38)

    def x_at(self, step: float) -> float:
        """Where a step lies, in pixels."""
        left, wide = 10.0, max(self.width() - 20.0, 1.0)
        return left + wide * min(max(step / self._last(), 0.0), 1.0)

    def step_at(self, x: float) -> int:
        """The step at a pixel, no further than the head."""
        wide = max(self.width() - 20.0, 1.0)
        return min(max(0, round((x - 10.0) / wide * self._last())), self.head.step)

    def marked_at(self, position: QPointF, steps: Sequence[int]) -> int:
        """The nearest of some steps under the pointer, else the step that lies there."""
        near = [step for step in steps if abs(self.x_at(step) - position.x()) <= NEAR_PIXELS]
        return min(near, key=lambda step: abs(self.x_at(step) - position.x()), default=self.step_at(position.x()))

    def _last(self) -> float:
        return float(max(self.head.steps, self.head.step, 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._loop_from = self.step_at(x)
            self.set_loop(None)
            return
        self._dragging = True
        mark = self._mark_near(event.position())
        self.stepRequested.emit(mark.step if mark is not None else self.step_at(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        self._hovered = x
        if self._loop_from is not None:
            first, last = sorted((self._loop_from, self.step_at(x)))
            self.set_loop((first, last) if last > first else None)
        elif self._dragging:
            self.stepRequested.emit(self.step_at(x))
        mark = self._mark_near(event.position())
        words = f"{mark_name(mark)} · {mark.step:,}" if mark is not None else f"{self.step_at(x):,}"
        QToolTip.showText(event.globalPosition().toPoint(), plain_tip(words), self)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._loop_from is not None and self.loop is not None:
            self.stepRequested.emit(self.loop[0])
        self._dragging, self._loop_from = False, None

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, middle = theme(), self._middle()
        self._line(painter, 10, self.width() - 10, middle, colours.line)
        self._line(painter, 10, self.x_at(self.head.step), middle, mix_of(colours.accent, colours.line))
        self._line(painter, 10, self.x_at(self.cursor_step), middle, colours.accent)
        if self.loop is not None:
            left, right = self.x_at(self.loop[0]), self.x_at(self.loop[1])
            shade = QColor(colours.accent)
            shade.setAlpha(60)
            painter.fillRect(QRectF(left, middle - 9, right - left, 18), shade)
        self._paint_marks(painter, middle)
        if self._hovered is not None:
            painter.setPen(QPen(QColor(colours.muted), 1))
            x = self.x_at(self.step_at(self._hovered))
            painter.drawLine(QPointF(x, middle - 6), QPointF(x, middle + 6))
        painter.setPen(QPen(QColor(colours.accent if self._focused else colours.edge), 1.5))
        painter.setBrush(QColor("#ffffff" if colours.is_dark else colours.accent))
        painter.drawEllipse(QPointF(self.x_at(self.cursor_step), middle), 7, 7)
        painter.end()

    def _middle(self) -> float:
        return self.height() * 0.62

    def _line(self, painter: QPainter, left: float, right: float, middle: float, colour: str) -> None:
        painter.setPen(QPen(QColor(colour), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        if right > left:
            painter.drawLine(QPointF(left, middle), QPointF(right, middle))

    def _paint_marks(self, painter: QPainter, middle: float) -> None:
        """A tick each; words where there is room, the weightier mark first."""
        font = painter.font()
        font.setPointSizeF(max(6.5, font.pointSizeF() * 0.8))
        painter.setFont(font)
        metrics = painter.fontMetrics()
        taken: list[tuple[float, float]] = []
        for mark in sorted(self.marks, key=lambda each: (_weight(each.kind), -each.step)):
            x, colour = self.x_at(mark.step), QColor(mark_colour(mark.kind))
            painter.setPen(QPen(colour, 2))
            painter.drawLine(QPointF(x, middle - 9), QPointF(x, middle + 9))
            words = metrics.elidedText(mark_name(mark), Qt.TextElideMode.ElideRight, 120)
            left = x + 3
            right = left + metrics.horizontalAdvance(words)
            if right > self.width():
                left, right = x - 3 - (right - left), x - 3
            if all(right + 6 < a or left > b + 6 for a, b in taken):
                taken.append((left, right))
                painter.drawText(QPointF(left, middle - 10), words)

    def _mark_near(self, position: QPointF) -> MarkFacts | None:
        near = [mark for mark in self.marks if abs(self.x_at(mark.step) - position.x()) <= NEAR_PIXELS]
        return min(near, key=lambda mark: (abs(self.x_at(mark.step) - position.x()), _weight(mark.kind)), default=None)


def _weight(kind: str) -> int:
    return {"warning": 0, "best": 1, "stage": 2, "checkpoint": 3, "note": 4}.get(kind, 5)


def mark_colour(kind: str) -> str:
    """The colour of a kind of mark."""
    colours = theme()
    return {"warning": colours.bad, "stage": colours.warning, "checkpoint": colours.good, "best": colours.good}.get(
        kind, colours.muted
    )


def mark_name(mark: MarkFacts) -> str:
    """What is written beside a mark: its text, or its kind."""
    kinds = {"checkpoint": tr("checkpoint"), "best": tr("best"), "stage": tr("stage"), "warning": tr("warning")}
    if mark.kind in ("checkpoint", "best"):
        return kinds[mark.kind]
    return said(mark.text) or kinds.get(mark.kind, tr("note"))


def mix_of(colour: str, behind: str) -> str:
    """Half a colour over another."""
    front, back = QColor(colour).getRgb()[:3], QColor(behind).getRgb()[:3]
    return QColor(*(round(a * 0.5 + b * 0.5) for a, b in zip(front, back))).name()
