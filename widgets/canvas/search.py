"""The quick search at the cursor: a few letters and Enter put a block there."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.graph.bridging import Bridge
from core.graph.document import Document, End, Node
from core.graph.rules import Proposal
from core.graph.vocabulary import BlockSpec, Vocabulary
from widgets.canvas import ink
from widgets.canvas.notes import first_line
from widgets.look.entry import ASIDE, COLOUR, KEY, EntryDelegate
from widgets.look.language import tr
from widgets.look.matching import best_first, names_of
from widgets.look.plain import plain_tip
from widgets.look.theme import theme
from widgets.look.titles import titles_of

WIDTH, HEIGHT = 330, 320
PORT = Qt.ItemDataRole.UserRole + 5


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer: a block, where to put it (scene units), and the loose wire's end with the port it would use."""

    key: str
    at: QPointF
    port: str = ""
    loose: tuple[End, bool] | None = None


@dataclass(frozen=True, kw_only=True)
class FoundBridge:
    """The answer where a wire was refused: the blocks to put between the two ports; ``taken`` is the wire that was taken off."""

    bridge: Bridge
    source: End
    target: End
    taken: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundNode:
    """The answer where something on the canvas was looked for."""

    node: str


@dataclass(frozen=True, kw_only=True)
class FoundEnd:
    """The answer where a port's wire was asked for: the other end with the wire, or (without one) that a block is to be added."""

    loose: tuple[End, bool]
    other: End | None = None
    taken: bool = False  # the incoming port has a wire, which gives way
    wire: tuple[End, End] | None = None


@dataclass(frozen=True, kw_only=True)
class FoundNote:
    """The same of a note."""

    note: str


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What stands in a line of the list."""

    title: str
    aside: str
    colour: str
    tip: str
    names: tuple[str, ...]
    answer: Found | FoundBridge | FoundNode | FoundEnd | FoundNote


def _of_block(spec: BlockSpec, answer: Found) -> _Row:
    return _Row(
        title=tr(spec.title), aside=tr(spec.family), colour=ink.modality_colour(spec.modality), tip=tr(spec.summary),
        names=tuple(names_of(spec)), answer=answer,
    )  # fmt: skip


def _of_bridge(answer: FoundBridge) -> _Row:
    specs = [step.spec for step in answer.bridge.steps]
    return _Row(
        title=" → ".join(tr(spec.title) for spec in specs), aside=tr(specs[-1].family) if len(specs) == 1 else "",
        colour=ink.modality_colour(specs[-1].modality), tip="\n".join(tr(spec.summary) for spec in specs),
        names=tuple(name for spec in specs for name in names_of(spec)), answer=answer,
    )  # fmt: skip


def _of_node(node: Node, spec: BlockSpec) -> _Row:
    return _Row(
        title=node.title or tr(spec.title), aside=tr(spec.title) if node.title else tr(spec.family),
        colour=ink.modality_colour(spec.modality), tip=tr(spec.summary), names=(node.title, *names_of(spec), node.id),
        answer=FoundNode(node=node.id),
    )  # fmt: skip


def _of_end(document: Document, vocabulary: Vocabulary, answer: FoundEnd) -> _Row:
    if answer.other is None:
        words = tr("Add a block…")
        return _Row(title=words, aside="", colour=theme().muted, tip="", names=(words,), answer=answer)
    title, spec = titles_of(document)[answer.other.node], vocabulary.spec(document.nodes[answer.other.node].block)
    port = tr(answer.other.port, "port")
    return _Row(
        title=f"{title} · {port}", aside=tr("replaces a wire") if answer.taken else "",
        colour=ink.modality_colour(spec.modality), tip=tr(spec.summary), names=(f"{title} {port}", title, port, *names_of(spec)),
        answer=answer,
    )  # fmt: skip


def _of_note(name: str, text: str) -> _Row:
    return _Row(
        title=first_line(text),
        aside=tr("Sticky note"),
        colour=theme().warning,
        tip=text,
        names=(text,),
        answer=FoundNote(note=name),
    )


class QuickSearch(QFrame):
    """A field and a list above the canvas."""

    chosen = Signal(object)  # Found, FoundBridge, FoundNode, FoundEnd or FoundNote

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("quickSearch")
        self.field, self.results, self._nothing, self._reason = QLineEdit(), QListWidget(), QLabel(), QLabel()
        self.field.setPlaceholderText(tr("Search blocks…"))
        self.field.setAccessibleName(tr("Search blocks"))
        self.results.setAccessibleName(tr("Blocks found"))
        self.results.setItemDelegate(EntryDelegate(self.results))
        self.results.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.results.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for label in (self._nothing, self._reason):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._nothing.setProperty("muted", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        for widget in (self._reason, self.field, self.results, self._nothing):
            layout.addWidget(widget)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.results.itemClicked.connect(self._take)
        self._rows: dict[str, _Row] = {}
        self._room = HEIGHT
        self._before: QWidget | None = None  # who had the keys
        self.hide()

    def open_search(
        self, at: QPointF, pixel: QPointF, vocabulary: Vocabulary, fits: list[Proposal] | None,
        loose: tuple[End, bool] | None, text: str,
    ) -> None:  # fmt: skip
        """Ask for a block at ``at``; ``fits`` keeps to these, in their order."""
        specs = {p.spec.key: p.spec for p in fits} if fits is not None else dict(vocabulary)
        ports = {p.spec.key: p.port for p in fits or ()}
        found = {key: Found(key=key, at=QPointF(at), port=ports.get(key, ""), loose=loose) for key in specs}
        self._show({key: _of_block(specs[key], answer) for key, answer in found.items()}, pixel, text, "")

    def open_bridges(self, pixel: QPointF, answers: list[FoundBridge], reason: str) -> None:
        """Offer what could stand between two ports that no wire may join, and say why none may."""
        self._show({answer.bridge.key: _of_bridge(answer) for answer in answers}, pixel, "", reason)

    def open_nodes(self, pixel: QPointF, document: Document, vocabulary: Vocabulary) -> None:
        """Look for a block on the canvas: by its title, its block's names or its id."""
        specs = {key: vocabulary.spec(node.block) for key, node in document.nodes.items()}
        notes = {name: _of_note(name, frame.title) for name, frame in document.frames.items() if frame.is_note}
        self._show(
            {**{key: _of_node(document.nodes[key], spec) for key, spec in specs.items()}, **notes}, pixel, "", ""
        )
        self.field.setPlaceholderText(tr("Find on the canvas…"))

    def open_ends(self, pixel: QPointF, answers: list[FoundEnd], document: Document, vocabulary: Vocabulary) -> None:
        """Ask where a wire leads: to one of these ports."""
        self._show({str(one.other): _of_end(document, vocabulary, one) for one in answers}, pixel, "", "")
        self.field.setPlaceholderText(tr("Wire to…"))

    def _show(self, rows: dict[str, _Row], pixel: QPointF, text: str, reason: str) -> None:
        self._rows = rows
        if self.isHidden():
            self._before = QApplication.focusWidget()
        self.field.setPlaceholderText(tr("Search blocks…"))
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))
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
        before = self._before if self._before is not None and self._before.isVisible() else None
        (before or self.parentWidget()).setFocus()
        self._before = None
        return True

    def _fill(self, query: str) -> None:
        self.results.clear()
        for key in best_first(query, [(key, row.names) for key, row in self._rows.items()]):
            row = self._rows[key]
            item = QListWidgetItem(row.title)
            item.setData(KEY, key)
            item.setData(COLOUR, row.colour)
            item.setData(ASIDE, row.aside)
            item.setToolTip(plain_tip(row.tip))
            self.results.addItem(item)
        self.results.setCurrentRow(0)
        empty = self.results.count() == 0
        rows = max(self.results.count(), 2) * max(self.results.sizeHintForRow(0), 24)
        said = self._reason.heightForWidth(self.width() - 16) + 6 if self._reason.text() else 0
        self.setFixedHeight(min(self._room, rows + self.field.sizeHint().height() + said + 30))
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
        answer = self._rows[item.data(KEY)].answer
        self.close_search()
        self.chosen.emit(answer)
