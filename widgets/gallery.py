"""The examples as cards: one click opens a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from widgets.look.language import tr
from widgets.look.theme import look, theme

COLUMNS = 3


@dataclass(frozen=True, kw_only=True)
class Card:
    """One example."""

    key: str
    title: str
    note: str
    blocks: int
    steps: int


class CardFrame(QFrame):
    """A card that can be clicked or reached with Tab and opened with Enter."""

    opened = Signal(str)

    def __init__(self, card: Card) -> None:
        super().__init__()
        self._key = card.key
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(card.title)
        self.setAccessibleDescription(card.note)
        self.setMinimumHeight(150)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        title, note, size = (
            QLabel(card.title),
            QLabel(card.note),
            QLabel(tr("{blocks} blocks · {steps} steps", blocks=card.blocks, steps=card.steps)),
        )
        for label in (title, note, size):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        title.setStyleSheet("font-weight: 600; font-size: 15px;")
        size.setProperty("muted", True)
        column.addWidget(title)
        column.addWidget(note, 1)
        column.addWidget(size)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.opened.emit(self._key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self._key)
        else:
            super().keyPressEvent(event)


class Gallery(QScrollArea):
    """All cards."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._cards: list[CardFrame] = []
        self._body = QWidget()
        self._grid = QGridLayout()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(48, 36, 48, 36)
        heading, below = (
            QLabel(tr("Examples")),
            QLabel(tr("Each opens as a copy of your own. Press Run and watch it learn.")),
        )
        heading.setStyleSheet("font-size: 22px; font-weight: 600;")
        below.setProperty("muted", True)
        column.addWidget(heading)
        column.addWidget(below)
        column.addSpacing(18)
        self._grid.setSpacing(16)
        column.addLayout(self._grid)
        column.addStretch(1)
        self.setWidget(self._body)
        look.changed.connect(self.restyle)
        self.restyle()

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Show these examples."""
        for old in self._cards:
            self._grid.removeWidget(old)
            old.deleteLater()
        self._cards = []
        for number, card in enumerate(cards):
            frame = CardFrame(card)
            frame.opened.connect(self.chosen)
            self._grid.addWidget(frame, number // COLUMNS, number % COLUMNS)
            self._cards.append(frame)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self._body.setObjectName("gallery")
        self.setStyleSheet(
            f"QWidget#gallery {{ background: {c.window}; }}"
            f"CardFrame {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 10px; }}"
            f"CardFrame:hover, CardFrame:focus {{ border: 1px solid {c.accent}; }}"
        )
