"""A film's time as a bar: click or drag to look at a moment; a part that is chosen is shaded."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.graph.reel import Reel
from widgets.look.language import tr
from widgets.look.theme import look, theme

HEIGHT, LINE, HANDLE = 18, 4, 5.0  # pixels: of all of it, of the line, and half of the handle
LEAST_APART = 4.0  # pixels between two frames whose starts are marked


class FilmBar(QWidget):
    """Knows a reel and a moment; says which moment is wished for."""

    secondsWanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reel: Reel | None = None
        self._part: tuple[float, float] | None = None
        self._seconds = 0.0
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Time of the video"))
        look.changed.connect(self.update)

    def show_reel(self, reel: Reel | None) -> None:
        """Another film."""
        self._reel, self._part, self._seconds = reel, None, 0.0
        self.update()

    def show_seconds(self, seconds: float) -> None:
        """Where one looks."""
        self._seconds = seconds
        self.update()

    def show_part(self, part: tuple[float, float] | None) -> None:
        """Shade from when to when."""
        self._part = part
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def x_of(self, seconds: float) -> float:
        """Where a moment lies."""
        if self._reel is None:
            return HANDLE
        share = (seconds - self._reel.begin) / max(self._reel.end - self._reel.begin, 1e-9)
        return HANDLE + min(max(share, 0.0), 1.0) * (self.width() - 2 * HANDLE)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._want(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._want(event.position().x())

    def _want(self, x: float) -> None:
        if self._reel is not None:
            share = min(max((x - HANDLE) / max(self.width() - 2 * HANDLE, 1.0), 0.0), 1.0)
            self.secondsWanted.emit(self._reel.begin + share * (self._reel.end - self._reel.begin))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours, middle = QPainter(self), theme(), self.height() / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(HANDLE, middle - LINE / 2, self.width() - 2 * HANDLE, LINE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(whole, 2, 2)
        if self._reel is None:
            painter.end()
            return
        if self._part is not None:
            left, right = (self.x_of(edge) for edge in self._part)
            shade = QColor(colours.good)
            shade.setAlpha(110)
            painter.setBrush(shade)
            painter.drawRoundedRect(QRectF(left, middle - 6, max(right - left, 2), 12), 2, 2)
        self._paint_frames(painter, self._reel)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        done = QRectF(whole.left(), whole.top(), self.x_of(self._seconds) - HANDLE, LINE)
        painter.drawRoundedRect(done, 2, 2)
        painter.drawEllipse(QPointF(self.x_of(self._seconds), middle), HANDLE, HANDLE)
        painter.end()

    def _paint_frames(self, painter: QPainter, reel: Reel) -> None:
        """A tick where each frame begins, as long as they can be told apart."""
        if (self.width() - 2 * HANDLE) / max(reel.frames, 1) < LEAST_APART:
            return
        painter.setPen(QPen(QColor(theme().muted), 1))
        foot = self.height() / 2 + LINE / 2 + 1
        for start in reel.starts_T:
            painter.drawLine(QPointF(self.x_of(start), foot), QPointF(self.x_of(start), foot + 3))
