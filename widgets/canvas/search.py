"""The quick search at the cursor: a few letters and Enter put a block there."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from core.graph.document import End
from core.graph.rules import Proposal
from core.graph.vocabulary import BlockSpec, Vocabulary
from widgets.canvas import ink
from widgets.look.entry import ASIDE, COLOUR, KEY, EntryDelegate
from widgets.look.language import tr
from widgets.look.matching import best_first, names_of
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

WIDTH, HEIGHT = 330, 320
PORT = Qt.ItemDataRole.UserRole + 5


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer: a block, where to put it (scene units), and the loose wire's end with the port it would use."""

    key: str
    at: QPointF
    port: str = ""
    loose: tuple[End, bool] | None = None


class QuickSearch(QFrame):
    """A field and a list above the canvas."""

    chosen = Signal(object)  # Found

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("quickSearch")
        self.field, self.results, self._nothing = QLineEdit(), QListWidget(), QLabel()
        self.field.setPlaceholderText(tr("Search blocks…"))
        self.field.setAccessibleName(tr("Search blocks"))
        self.results.setAccessibleName(tr("Blocks found"))
        self.results.setItemDelegate(EntryDelegate(self.results))
        self.results.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.results.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._nothing.setWordWrap(True)
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        self._nothing.setProperty("muted", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self.field, self.results, self._nothing):
            layout.addWidget(widget)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.results.itemClicked.connect(self._take)
        self._specs: dict[str, BlockSpec] = {}
        self._ports: dict[str, str] = {}
        self._at, self._loose = QPointF(), None
        self._room = HEIGHT
        self.hide()

    def open_search(
        self, at: QPointF, pixel: QPointF, vocabulary: Vocabulary, fits: list[Proposal] | None,
        loose: tuple[End, bool] | None, text: str,
    ) -> None:  # fmt: skip
        """Ask for a block at ``at``; ``fits`` keeps to these, in their order."""
        self._at, self._loose = QPointF(at), loose
        self._specs = {p.spec.key: p.spec for p in fits} if fits is not None else dict(vocabulary)
        self._ports = {p.spec.key: p.port for p in fits or ()}
        colours = theme()
        self.setStyleSheet(
            f"#quickSearch {{ background: {colours.panel}; border: 1px solid {colours.line}; border-radius: 8px; }}"
            "QListWidget { background: transparent; border: none; }"
        )
        room = self.parentWidget().rect()
        self.setFixedSize(min(WIDTH, room.width() - 12), min(HEIGHT, room.height() - 12))
        self._room = self.height()
        x = min(max(int(pixel.x()), 6), room.width() - self.width() - 6)
        y = min(max(int(pixel.y()), 6), room.height() - self.height() - 6)
        self.move(x, y)
        self.field.setText(text)
        self._fill(text)
        self.show()
        self.raise_()
        self.field.setFocus()
        self.field.setCursorPosition(len(text))

    def close_search(self) -> bool:
        """Put it away; False where it was not open."""
        if self.isHidden():
            return False
        self.hide()
        self.parentWidget().setFocus()
        return True

    def _fill(self, query: str) -> None:
        self.results.clear()
        entries = [(key, names_of(spec)) for key, spec in self._specs.items()]
        for key in best_first(query, entries):
            spec = self._specs[key]
            item = QListWidgetItem(tr(spec.title))
            item.setData(KEY, key)
            item.setData(COLOUR, ink.modality_colour(spec.modality))
            item.setData(ASIDE, tr(spec.family))
            item.setToolTip(plain_tip(tr(spec.summary)))
            self.results.addItem(item)
        self.results.setCurrentRow(0)
        empty = self.results.count() == 0
        rows = max(self.results.count(), 2) * max(self.results.sizeHintForRow(0), 24)
        self.setFixedHeight(min(self._room, rows + self.field.sizeHint().height() + 30))
        self.results.setVisible(not empty)
        self._nothing.setVisible(empty)
        self._nothing.setText(tr("No block fits. Try another word, or Esc to close."))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return False
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: 8,
            Qt.Key.Key_PageUp: -8,
            Qt.Key.Key_Tab: 1,
        }
        if event.key() in steps:
            row = self.results.currentRow() + steps[Qt.Key(event.key())]
            self.results.setCurrentRow(min(max(row, 0), self.results.count() - 1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.results.currentItem() is not None:
                self._take(self.results.currentItem())
        elif event.key() == Qt.Key.Key_Escape:
            self.close_search()
        else:
            return False
        return True

    def _take(self, item: QListWidgetItem) -> None:
        key = item.data(KEY)
        found = Found(key=key, at=self._at, port=self._ports.get(key, ""), loose=self._loose)
        self.close_search()
        self.chosen.emit(found)
