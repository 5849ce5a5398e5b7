"""The examples as cards: one click opens a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets.look.language import tr
from widgets.look.theme import look, theme

COLUMNS = 3
FIELD = 380  # pixels, of the search
SKETCH = 54  # pixels high
NODE = (180.0, 90.0)  # of a block in the drawing, scene units


@dataclass(frozen=True, kw_only=True)
class Card:
    """One example."""

    key: str
    title: str
    note: str
    family: str
    blocks: int
    steps: int
    trials: int = 0  # of its sweep; 0: it has none
    boxes: tuple[tuple[float, float, str], ...] = ()  # where each block lies, and its modality
    wires: tuple[tuple[int, int], ...] = ()  # from box to box
    words: tuple[str, ...] = ()  # what else it is found by: its blocks, its name in English

    def answers(self, query: str) -> bool:
        """Whether every word of a query stands somewhere in it."""
        text = " ".join((self.title, self.note, self.family, self.key, *self.words)).casefold()
        return all(word in text for word in query.casefold().split())


class Sketch(QWidget):
    """The drawing in miniature: a box a block in its modality's colour, a line a wire."""

    def __init__(self, card: Card) -> None:
        super().__init__()
        self._card = card
        self.setFixedHeight(SKETCH)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        boxes = self._card.boxes
        if not boxes:
            return
        left, top = min(x for x, _, _ in boxes), min(y for _, y, _ in boxes)
        right, bottom = max(x for x, _, _ in boxes) + NODE[0], max(y for _, y, _ in boxes) + NODE[1]
        scale = min(self.width() / (right - left), self.height() / (bottom - top), 0.3)
        down = (self.height() - (bottom - top) * scale) / 2
        rects = [
            QRectF((x - left) * scale, down + (y - top) * scale, NODE[0] * scale, NODE[1] * scale) for x, y, _ in boxes
        ]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme().line), 1.5))
        for start, end in self._card.wires:
            a, b = rects[start], rects[end]
            painter.drawLine(QPointF(a.right(), a.center().y()), QPointF(b.left(), b.center().y()))
        painter.setPen(Qt.PenStyle.NoPen)
        for rect, (_, _, modality) in zip(rects, boxes):
            painter.setBrush(QColor(theme().modality.get(modality, theme().muted)))
            painter.drawRoundedRect(rect, 2.5, 2.5)
        painter.end()


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
            QLabel(_size(card)),
        )
        for label in (title, note, size):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        title.setStyleSheet("font-weight: 600; font-size: 15px;")
        size.setProperty("muted", True)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        if card.trials:
            badge = QLabel(tr("sweep · {n} runs", n=card.trials))
            badge.setObjectName("badge")
            head.addWidget(badge, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(Sketch(card))
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


def _size(card: Card) -> str:
    if card.trials:
        return tr("{blocks} blocks · {steps} steps per run", blocks=card.blocks, steps=card.steps)
    return tr("{blocks} blocks · {steps} steps", blocks=card.blocks, steps=card.steps)


def _heading(family: str) -> QLabel:
    heading = QLabel(family)
    heading.setStyleSheet("font-size: 16px; font-weight: 600;")
    return heading


class Gallery(QScrollArea):
    """All cards."""

    chosen = Signal(str)
    left = Signal()  # back to the page before

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._frames: dict[str, CardFrame] = {}
        self._headings: dict[str, QLabel] = {}
        self._cards: tuple[Card, ...] = ()
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
        back = QPushButton(tr("Back"))
        back.setToolTip(tr("To the page before (Esc)"))
        back.clicked.connect(self.left)
        head = QHBoxLayout()
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Search examples: a word, a block, an arXiv number…"))
        self.field.setAccessibleName(tr("Search examples"))
        self.field.setClearButtonEnabled(True)
        self.field.setMaximumWidth(FIELD)
        self.field.textChanged.connect(self._fill)
        head.addWidget(heading, 1)
        head.addWidget(self.field, 1)
        head.addWidget(back, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        column.addWidget(below)
        self._nothing = QLabel()
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        self._nothing.setProperty("muted", True)
        self._nothing.hide()
        column.addWidget(self._nothing)
        column.addSpacing(18)
        self._grid.setSpacing(16)
        column.addLayout(self._grid)
        column.addStretch(1)
        self.setWidget(self._body)
        look.changed.connect(self.restyle)
        self.restyle()

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Show these examples."""
        for old in (*self._frames.values(), *self._headings.values()):
            self._grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._cards = tuple(cards)
        self._headings = {family: _heading(family) for family in dict.fromkeys(card.family for card in cards)}
        self._frames = {card.key: CardFrame(card) for card in cards}
        for widget in (*self._headings.values(), *self._frames.values()):
            widget.setParent(self._body)  # also what a query leaves out
        for frame in self._frames.values():
            frame.opened.connect(self.chosen)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)
        self._fill()

    def _fill(self) -> None:
        """Those that answer the query, under the headings of their families."""
        query = self.field.text()
        cards = [card for card in self._cards if card.answers(query)]
        self._nothing.setText(tr("No example says “{query}”.", query=query))
        self._nothing.setVisible(bool(self._cards) and not cards)
        placed: list[QWidget] = []
        row = 0
        for family in dict.fromkeys(card.family for card in cards):
            heading = self._headings[family]
            heading.setContentsMargins(0, 14 if row else 0, 0, 0)
            self._grid.addWidget(heading, row, 0, 1, COLUMNS)
            frames = [self._frames[card.key] for card in cards if card.family == family]
            for number, frame in enumerate(frames):
                self._grid.addWidget(frame, row + 1 + number // COLUMNS, number % COLUMNS)
            row += 1 - (-len(frames) // COLUMNS)
            placed += [heading, *frames]
        for widget in (*self._headings.values(), *self._frames.values()):
            if widget not in placed:
                self._grid.removeWidget(widget)
            widget.setVisible(widget in placed)

    def restyle(self) -> None:
        """Colours of the theme."""
        c = theme()
        self._body.setObjectName("gallery")
        self.setStyleSheet(
            f"QWidget#gallery {{ background: {c.window}; }}"
            f"CardFrame {{ background: {c.panel}; border: 1px solid {c.line}; border-radius: 10px; }}"
            f"QLabel#badge {{ color: {c.accent}; border: 1px solid {c.accent}; border-radius: 8px; padding: 1px 7px;"
            " font-size: 11px; }"
            f"CardFrame:hover, CardFrame:focus {{ border: 1px solid {c.accent}; }}"
        )
