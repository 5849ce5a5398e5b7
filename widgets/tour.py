"""A tour of the window: a card beside one thing after another, and a ring around it. Esc leaves; the window can be used meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.theme import look, theme

WIDE, EDGE, RING = 320, 12, 4  # pixels


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One thing that is shown: what is said of it, the page it is on, and how it is found."""

    title: str
    text: str
    page: str
    found: Callable[[], QWidget | None]


class Ring(QWidget):
    """A frame around what is talked about; the mouse goes through it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A line of the accent's colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme().accent), 3))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 8, 8)


class Tour(QFrame):
    """Goes from stop to stop; whoever owns the pages is asked for them."""

    pageRequested = Signal(str)
    stopped = Signal(int)  # the stop it was left at; as many as there are: it was seen to its end

    def __init__(self, window: QWidget, stops: Sequence[Stop]) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._window, self.stops, self.at = window, tuple(stops), 0
        self.ring = Ring(window)
        self._title, self._text, self._place = QLabel(), QLabel(), QLabel()
        for label in (self._title, self._text):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._place.setProperty("muted", True)
        self.leave_button, self.back_button, self.next_button = (
            QPushButton(tr("Leave")),
            QPushButton(tr("Back")),
            QPushButton(),
        )
        self.next_button.setProperty("primary", True)
        self.leave_button.clicked.connect(self.leave)
        self.back_button.clicked.connect(lambda: self.go(self.at - 1))
        self.next_button.clicked.connect(lambda: self.go(self.at + 1))
        row = QHBoxLayout()
        row.addWidget(self._place)
        row.addStretch(1)
        for button in (self.leave_button, self.back_button, self.next_button):
            row.addWidget(button)
        column = QVBoxLayout(self)
        for widget in (self._title, self._text):
            column.addWidget(widget)
        column.addLayout(row)
        look.changed.connect(self.restyle)
        window.installEventFilter(self)
        self.restyle()
        self.hide()

    def start(self, at: int = 0) -> None:
        """From a stop on; from the first where it had been seen to its end."""
        self.go(at if 0 <= at < len(self.stops) else 0)

    def go(self, at: int) -> None:
        """To a stop; behind the last one it is over."""
        if at >= len(self.stops):
            self._end(at)
            return
        self.at = max(at, 0)
        stop = self.stops[self.at]
        self.pageRequested.emit(stop.page)
        self._title.setText(stop.title)
        self._text.setText(stop.text)
        self._place.setText(tr("{n} of {all}", n=self.at + 1, all=len(self.stops)))
        self.setAccessibleName(stop.title)
        self.setAccessibleDescription(stop.text)
        self.back_button.setEnabled(self.at > 0)
        last = self.at == len(self.stops) - 1
        self.next_button.setText(tr("Done") if last else tr("Next"))
        self.show()
        self.place()
        self.next_button.setFocus()

    def leave(self) -> None:
        """Stop here; it can be gone on with later."""
        self._end(self.at)

    def _end(self, at: int) -> None:
        self.hide()
        self.ring.hide()
        self.stopped.emit(at)

    def place(self) -> None:
        """Beside what is shown, wholly within the window."""
        if self.isHidden():
            return
        self.setFixedWidth(min(WIDE, self._window.width() - 2 * EDGE))
        self.adjustSize()
        shown, room = self.stops[self.at].found(), self._window.rect().adjusted(EDGE, EDGE, -EDGE, -EDGE)
        target = shown_rect(shown, self._window) if shown is not None and shown.isVisible() else None
        self.ring.setVisible(target is not None)
        if target is not None:
            self.ring.setGeometry(target.adjusted(-RING, -RING, RING, RING).intersected(self._window.rect()))
            self.ring.raise_()
        self.move(
            beside(target or QRect(room.center(), room.center()), self.size().width(), self.size().height(), room)
        )
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It keeps its place in a window that changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves; arrows go on and back."""
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() == Qt.Key.Key_Right:
            self.go(self.at + 1)
        elif event.key() == Qt.Key.Key_Left:
            self.go(self.at - 1)
        else:
            super().keyPressEvent(event)

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self.setStyleSheet(f"#tour {{ background: {c.panel}; border: 1px solid {c.accent}; border-radius: 10px; }}")
        self._title.setStyleSheet("font-weight: 600; font-size: 15px;")


def shown_rect(widget: QWidget, window: QWidget) -> QRect:
    """Where a widget is in its window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def beside(target: QRect, wide: int, high: int, room: QRect) -> QPoint:
    """A corner for a card of this size: right of a thing, left, below or above it, where there is room; else over its middle."""
    middle = QPoint(target.center().x() - wide // 2, target.center().y() - high // 2)
    tries = (
        QPoint(target.right() + EDGE, middle.y()), QPoint(target.left() - EDGE - wide, middle.y()),
        QPoint(middle.x(), target.bottom() + EDGE), QPoint(middle.x(), target.top() - EDGE - high),
    )  # fmt: skip

    def within(corner: QPoint) -> QPoint:
        x = min(max(corner.x(), room.left()), room.right() + 1 - wide)
        return QPoint(x, min(max(corner.y(), room.top()), room.bottom() + 1 - high))

    free = [
        within(corner)
        for corner in tries
        if not QRect(within(corner).x(), within(corner).y(), wide, high).intersects(target)
    ]
    return free[0] if free else within(middle)
