"""The palette: every block by family, found by typing; a double click, Enter or a drag puts one on the canvas."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.graph.subgraphs.specs import FAMILY
from core.graph.vocabulary import BlockSpec, Vocabulary
from widgets.look.entry import BLOCK_MIME, COLOUR, KEY, EntryDelegate
from widgets.look.language import tr
from widgets.look.matching import match, names_of
from widgets.look.popup import popup
from widgets.look.theme import look, theme

ROLES = ("source", "transform", "block", "objective")


class BlockTree(QTreeWidget):
    """The tree; a dragged entry carries its key."""

    def mimeTypes(self) -> list[str]:
        return [BLOCK_MIME]

    def mimeData(self, items: list[QTreeWidgetItem]) -> QMimeData:
        mime = QMimeData()
        key = next((item.data(0, KEY) for item in items if item.data(0, KEY)), "")
        if key:
            mime.setData(BLOCK_MIME, key.encode())
            mime.setText(key)
        return mime


class Palette(QWidget):
    """Shows a vocabulary; says which block is wanted."""

    blockRequested = Signal(str)  # block key
    forgetRequested = Signal(str)  # block key of a subgraph of the document

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._vocabulary = Vocabulary()
        self._entries: dict[str, QTreeWidgetItem] = {}
        self.field, self.tree, self._nothing = QLineEdit(), BlockTree(), QLabel()
        self._set_up_field()
        self._set_up_tree()
        self._nothing.setText(tr("No block is called that. Try the name of a paper's method, a modality or a family."))
        self._nothing.setWordWrap(True)
        self._nothing.setProperty("muted", True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._nothing.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 6, 6)
        layout.setSpacing(8)
        for widget in (self.field, self.tree, self._nothing):
            layout.addWidget(widget)
        look.changed.connect(self.restyle)
        self.restyle()

    def _set_up_field(self) -> None:
        self.field.setPlaceholderText(tr("Search blocks…"))
        self.field.setAccessibleName(tr("Search blocks"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)

    def _set_up_tree(self) -> None:
        tree = self.tree
        tree.setHeaderHidden(True)
        tree.setIndentation(0)
        tree.setRootIsDecorated(False)
        tree.setItemDelegate(EntryDelegate(tree))
        tree.setDragEnabled(True)
        tree.setDragDropMode(QTreeWidget.DragDropMode.DragOnly)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setAccessibleName(tr("Blocks"))
        tree.setExpandsOnDoubleClick(False)
        tree.itemDoubleClicked.connect(self._request)
        tree.itemClicked.connect(self._fold)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._open_menu)
        tree.installEventFilter(self)

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """The blocks there are."""
        self._vocabulary = vocabulary
        self._fill()

    def _fill(self) -> None:
        self.tree.clear()
        self._entries = {}
        families: dict[str, QTreeWidgetItem] = {}
        if not self._vocabulary:
            QTreeWidgetItem(self.tree, [tr("loading…")]).setDisabled(True)
        for spec in sorted(self._vocabulary.values(), key=_place):
            if spec.family not in families:
                families[spec.family] = self._heading(spec.family)
            item = QTreeWidgetItem(families[spec.family], [tr(spec.title)])
            item.setData(0, KEY, spec.key)
            item.setData(0, COLOUR, theme().modality.get(spec.modality, theme().modality["any"]))
            item.setToolTip(0, block_tip(spec))
            item.setData(0, Qt.ItemDataRole.AccessibleDescriptionRole, tr(spec.summary))
            self._entries[spec.key] = item
        self.tree.expandAll()
        self._filter(self.field.text())

    def _heading(self, family: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self.tree, [tr(family)])
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        font = QFont(self.tree.font())
        font.setWeight(QFont.Weight.DemiBold)
        item.setFont(0, font)
        return item

    def _filter(self, query: str) -> None:
        best, best_score = None, 0.0
        for key, item in self._entries.items():
            spec = self._vocabulary[key]
            score = match(query, *names_of(spec))
            item.setHidden(score <= 0)
            if score > best_score:
                best, best_score = item, score
        for row in range(self.tree.topLevelItemCount()):
            heading = self.tree.topLevelItem(row)
            hidden = [heading.child(i).isHidden() for i in range(heading.childCount())]
            heading.setHidden(bool(hidden) and all(hidden))
            if query:
                heading.setExpanded(True)
        if query and best is not None:
            self.tree.setCurrentItem(best)
        self.tree.setVisible(best is not None or not self._entries)
        self._nothing.setVisible(best is None and bool(self._entries))

    def shown(self) -> list[str]:
        """Keys of the blocks that can be seen, in their order."""
        return [key for key, item in self._entries.items() if not item.isHidden()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter takes what is marked, in the field and in the list; in the field, arrows move through the list."""
        pressed = event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
        if pressed and watched is self.tree and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._request(self.tree.currentItem())
            return True
        if pressed and watched is self.field:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._request(self.tree.currentItem())
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self._step(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.field.text():
                self.field.clear()
                return True
        return super().eventFilter(watched, event)

    def _step(self, by: int) -> None:
        keys = self.shown()
        current = self.tree.currentItem()
        key = current.data(0, KEY) if current else None
        at = keys.index(key) + by if key in keys else 0
        if keys:
            self.tree.setCurrentItem(self._entries[keys[min(max(at, 0), len(keys) - 1)]])

    def _request(self, item: QTreeWidgetItem | None, column: int = 0) -> None:
        if item is not None and item.data(0, KEY):
            self.blockRequested.emit(item.data(0, KEY))

    def _open_menu(self, at: QPoint) -> None:
        """A subgraph of the document can be forgotten."""
        item = self.tree.itemAt(at)
        key = item.data(0, KEY) if item is not None else None
        if key in self._vocabulary and self._vocabulary[key].family == FAMILY:
            menu = popup(self)
            menu.addAction(tr("Forget this subgraph"), lambda: self.forgetRequested.emit(key)).setObjectName("forget")
            menu.popup(self.tree.viewport().mapToGlobal(at))

    def _fold(self, item: QTreeWidgetItem, column: int = 0) -> None:
        if not item.data(0, KEY):
            item.setExpanded(not item.isExpanded())

    def restyle(self) -> None:
        """The theme or the language changed."""
        colours = theme()
        self.tree.setStyleSheet("QTreeWidget { background: transparent; border: none; }")
        self.field.setStyleSheet(
            f"QLineEdit {{ background: {colours.raised}; color: {colours.text}; border: 1px solid {colours.edge};"
            f"border-radius: 6px; padding: 5px 8px; }} QLineEdit:focus {{ border-color: {colours.accent}; }}"
        )
        self._fill()


def _place(spec: BlockSpec) -> tuple[bool, int]:
    """The document's own subgraphs first, then by where blocks run."""
    return spec.family != FAMILY, ROLES.index(spec.role)


def block_tip(spec: BlockSpec) -> str:
    """What a block does and where it is from, as rich text with everything escaped."""
    papers = "".join(f"<br>arXiv {html.escape(number)}" for number in spec.papers)
    body = html.escape(tr(spec.summary))
    return f"<div style='max-width: 320px'><b>{html.escape(tr(spec.title))}</b><br>{body}{papers}</div>"
