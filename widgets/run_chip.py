"""The chip in the header: which run the monitors show, what it is about, how long it still takes. A click lists what runs."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import look, theme

BETWEEN = " · "
LEAST_NAME = 48  # of a name; where there is less, its number alone
LEFT, RIGHT = 22, 16  # of the words: the light before them, the arrow behind
LEAST, USUAL = 130, 322


class RunChip(QToolButton):
    """One line, cut where there is no room; the whole of it in the tool tip.

    As wide whatever it says: the pages beside it must not move under the mouse.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[str, ...] = ()
        self._name = ""
        self._tone = "muted"
        self._yields = False
        self.setFixedHeight(28)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setObjectName("chip")
        self.show_run(tr("No run"))
        look.changed.connect(self.update)

    def show_run(self, state: str, name: str = "", figures: str = "", *, tone: str = "muted", tip: str = "") -> None:
        """The state comes first; the name, then the figures are cut. ``tone``: live, waiting, bad or muted."""
        parts, self._name = tuple(part for part in (state, figures, name) if part), name
        if (parts, tone) != (self._parts, self._tone):
            self._parts, self._tone = parts, tone
            self.setAccessibleName(self.words())
            self.update()
        self.setToolTip(plain_tip("\n".join(filter(None, (self.words(), tip, tr("Click: what runs and what waits"))))))

    def words(self) -> str:
        """All of it."""
        return BETWEEN.join(self._parts)

    def _fitting(self, room: int) -> str:
        """What there is room for. Of the name the end stays, for there is the run's number; of the figures the last, the
        time left, for the steps stand on the timeline too.
        """
        metrics, wide = self.fontMetrics(), self.fontMetrics().horizontalAdvance
        if not self._name:
            return metrics.elidedText(self.words(), Qt.TextElideMode.ElideRight, room)
        state, *figures = BETWEEN.join(self._parts[:-1]).split(BETWEEN)
        head, number = BETWEEN.join((state, *figures, "")), f"#{self._name.rpartition('#')[2]}"
        if room - wide(head) >= min(LEAST_NAME, wide(self._name)):
            return head + metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, room - wide(head))
        for kept in (figures, figures[-1:], []):
            if "#" in self._name and wide(words := BETWEEN.join((state, *kept, number))) <= room:
                return words
        return metrics.elidedText(self.words(), Qt.TextElideMode.ElideRight, room)

    def sizeHint(self) -> QSize:
        return QSize(USUAL, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST if self._yields else USUAL, 28)

    def yield_room(self, yields: bool) -> None:
        """Whether it may be narrower than its usual line, where the bar has no room for it."""
        if yields != self._yields:
            self._yields = yields
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(c.accent if self.underMouse() or self.hasFocus() else c.edge))
        painter.setBrush(QColor(c.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        light = {"live": c.good, "waiting": c.warning, "bad": c.bad}.get(self._tone, c.muted)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(light))
        painter.drawEllipse(QPointF(12, self.height() / 2), 4, 4)
        painter.setPen(QColor(c.text))
        room = self.width() - LEFT - RIGHT
        words = self._fitting(room)
        painter.drawText(QRectF(LEFT, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, words)
        painter.setPen(QColor(c.muted))
        painter.drawText(QRectF(self.width() - RIGHT, 0, RIGHT - 4, self.height()), Qt.AlignmentFlag.AlignCenter, "▾")
        painter.end()
