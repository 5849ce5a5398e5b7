"""The drawing as a tree: nodes, their ports and wires, for the keyboard and for screen readers.

It shares the canvas's selection: bind both with :meth:`Outline.bind`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.graph import rules
from core.graph.analysis import Analysis
from core.graph.document import Document, End
from core.graph.subgraphs.definitions import definition_of
from core.graph.vocabulary import Vocabulary
from widgets.canvas import menus
from widgets.canvas.commands import command_for, spelled
from widgets.canvas.items.node import severity_colour
from widgets.canvas.notes import first_line
from widgets.canvas.reconcile import difference
from widgets.canvas.speaking import PortAt, port_in_words
from widgets.look.entry import COLOUR, KEY, EntryDelegate
from widgets.look.language import said, tr
from widgets.look.plain import plain_tip
from widgets.look.popup import popup
from widgets.look.theme import look, theme
from widgets.look.titles import titles_of

if TYPE_CHECKING:
    from widgets.canvas.view import CanvasView

OTHER_END, NOTE = Qt.ItemDataRole.UserRole + 7, Qt.ItemDataRole.UserRole + 8
SPOKEN, EXPLAINED = Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.AccessibleDescriptionRole

PORT = Qt.ItemDataRole.UserRole + 8  # (End, whether it gives)
REMOVE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
OF_LISTS = (
    "Space",
    "Home",
    "PgUp",
    "PgDown",
    "Ctrl+A",
    ".",
)  # a list has these keys itself; a letter alone looks for a row


class Outline(QWidget):
    """Shows a document as a list of nodes; only what changed is written anew."""

    selectionChanged = Signal(list)  # node ids
    nodeRequested = Signal(str)  # go there
    notesSelected = Signal(list)  # frame ids
    noteRequested = Signal(str)  # go there
    enterRequested = Signal(str)  # into a subgraph
    deleteRequested = Signal()
    commandRequested = Signal(str)  # a method of the canvas, for what is selected
    wireRequested = Signal(object)  # a port: where is its wire to lead?
    unwireRequested = Signal(object)  # a port, whose wires are to go
    menuRequested = Signal(QPoint)  # what can be done with what is selected; a place on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._vocabulary, self._analysis = Document(id="empty"), Vocabulary(), Analysis()
        self._rows: dict[str, QTreeWidgetItem] = {}
        self._notes: dict[str, QTreeWidgetItem] = {}
        self._breakpoints: dict[str, tuple[str, bool]] = {}  # by node: in words, and whether a run waits there
        self._is_telling = False
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(16)
        self.tree.setItemDelegate(EntryDelegate(self.tree))
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setAccessibleName(tr("Outline of the graph"))
        self.tree.itemSelectionChanged.connect(self._tell)
        self.tree.itemActivated.connect(self._go)
        self.tree.installEventFilter(self)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._ask_for_menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.tree)
        look.changed.connect(self.restyle)

    def bind(self, canvas: CanvasView) -> None:
        """Share the canvas's selection and commands."""
        canvas.selectionChanged.connect(self.select)
        self.selectionChanged.connect(canvas.select)
        self.nodeRequested.connect(canvas.reveal)
        self.noteRequested.connect(canvas.reveal_frame)
        self.notesSelected.connect(lambda notes: canvas.select(canvas.selection(), frames=notes))
        self.enterRequested.connect(canvas.enter)
        self.deleteRequested.connect(canvas.delete)
        self.commandRequested.connect(lambda method: getattr(canvas, method)())
        self.wireRequested.connect(canvas.ask_where)
        self.unwireRequested.connect(canvas.unwire)
        self.menuRequested.connect(lambda at: menus.menu_for(canvas, canvas.cursor_place()).popup(at))

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """The blocks there are."""
        self._vocabulary = vocabulary
        self.restyle()

    def set_analysis(self, analysis: Analysis | None) -> None:
        """Say problems with the nodes."""
        self._analysis = analysis or Analysis()
        for name in self._rows:
            self._write(name, self._rows[name])

    def set_breakpoints(self, told: Mapping[str, str], met: Iterable[str] = ()) -> None:
        """Say with the blocks what runs pause at, and where one waits."""
        fresh = {name: (told.get(name, ""), name in set(met)) for name in {*told, *met}}
        dirty = {name for name in {*fresh, *self._breakpoints} if fresh.get(name) != self._breakpoints.get(name)}
        self._breakpoints = fresh
        for name in dirty & self._rows.keys():
            self._write(name, self._rows[name])

    def set_document(self, document: Document) -> None:
        """Show this document."""
        found = difference(self._document, document)
        old, self._document = self._document, document
        dirty = set(found.nodes.other)
        touched = {*found.wires.gone, *found.wires.new}
        for wire in (*old.wires, *document.wires) if touched else ():
            if wire.key in touched:
                dirty |= {wire.source.node, wire.target.node}
        self._is_telling = True
        for name in found.nodes.gone:
            self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(self._rows.pop(name)))
        for name in found.nodes.new:
            self._rows[name] = QTreeWidgetItem(self.tree)
            self._rows[name].setData(0, KEY, name)
        dirty |= _sharing_anew(old, document, dirty | {*found.nodes.gone, *found.nodes.new})
        renamed = {n for n in found.nodes.other if old.nodes[n].title != document.nodes[n].title}
        for name in renamed:
            dirty |= {w.target.node for w in document.wires_from(name)} | {
                w.source.node for w in document.wires_into(name)
            }
            dirty |= set(document.places(name))
        for name in (dirty & self._rows.keys()) | set(found.nodes.new):
            self._write(name, self._rows[name])
        if found.frames or not self._notes:
            self._write_notes()
        self._is_telling = False

    def _write_notes(self) -> None:
        """The notes stand behind the blocks."""
        notes = {name: frame.title for name, frame in self._document.frames.items() if frame.is_note}
        for name in self._notes.keys() - notes.keys():
            self.tree.takeTopLevelItem(self.tree.indexOfTopLevelItem(self._notes.pop(name)))
        for name, text in notes.items():
            row = self._notes.get(name)
            if row is None:
                row = self._notes[name] = QTreeWidgetItem(self.tree)
            row.setText(0, first_line(text))
            row.setData(0, NOTE, name)
            row.setData(0, COLOUR, theme().warning)
            row.setData(0, SPOKEN, tr("{name}: {text}", name=tr("Sticky note"), text=text))
            row.setToolTip(0, plain_tip(text))

    def _title(self, name: str) -> str:
        node = self._document.nodes[name]
        return node.title or tr(self._vocabulary.spec(node.block).title)

    def _sharing(self, name: str) -> str:
        """Whose weights a block has, or in how many places they are."""
        places = self._document.places(name)
        if owner := self._document.nodes[name].same_as:
            return tr("same weights as {block}", block=titles_of(self._document)[owner]) if owner in places else ""
        return tr("weights in {n} places", n=len(places)) if len(places) > 1 else ""

    def _write(self, name: str, row: QTreeWidgetItem) -> None:
        node = self._document.nodes[name]
        spec = self._vocabulary.spec(node.block)
        problems = [p for p in self._analysis.problems if p.node == name]
        states = [word for on, word in ((node.muted, tr("disabled")), (node.bypassed, tr("bypassed"))) if on]
        states += [f"×{node.repeat}"] if node.repeat > 1 else []
        words = self._sharing(name)
        states += [words] if words else []
        pauses, waits = self._breakpoints.get(name, ("", False))
        states += [tr("a run waits here") if waits else tr("breakpoint")] if pauses or waits else []
        told = [tr("Pauses when: {conditions}", conditions=pauses)] if pauses else []
        row.setText(0, " · ".join([self._title(name), *states]))
        row.setData(0, COLOUR, theme().modality.get(spec.modality, theme().modality["any"]))
        row.setData(0, SPOKEN, ", ".join([self._title(name), tr(spec.family), *states]))
        row.setData(0, EXPLAINED, " ".join([*(said(p.what) for p in problems), *told]) or tr(spec.summary))
        row.setToolTip(0, plain_tip("\n".join([*(said(p.what) for p in problems), *([words] if words else []), *told])))
        row.setForeground(0, QColor(severity_colour(problems[0].severity) if problems else theme().text))
        self._write_ports(row, self._lines_of(name))

    def _lines_of(self, name: str) -> list[tuple[str, str, PortAt]]:
        """Of every port a line for each of its wires: its text, the node at the other end, the port."""
        takes, gives = rules.ports_of(self._document, name, self._vocabulary)
        found = list[tuple[str, str, PortAt]]()
        for port in takes:
            at, word = End(node=name, port=port.name), tr(port.name, "port")
            wire = self._document.wire_at(at)
            text = self._other_end(wire.source) if wire is not None else tr("not connected")
            found.append((f"{word} ← {text}", wire.source.node if wire is not None else "", (at, False)))
        for port in gives:
            at, word = End(node=name, port=port.name), tr(port.name, "port")
            wires = [wire for wire in self._document.wires_from(name) if wire.source.port == port.name]
            found += [(f"{word} → {self._other_end(wire.target)}", wire.target.node, (at, True)) for wire in wires]
            found += [] if wires else [(f"{word} → {tr('not connected')}", "", (at, True))]
        return found

    def _other_end(self, end: End) -> str:
        return f"{self._title(end.node)} · {tr(end.port, 'port')}"

    def _write_ports(self, row: QTreeWidgetItem, lines: list[tuple[str, str, PortAt]]) -> None:
        """Lines that are there already are written over, so that whoever is at one stays there."""
        if row.childCount() != len(lines):
            held = self._held(row)
            row.takeChildren()
            row.addChildren([QTreeWidgetItem() for _ in lines])
            self._fill(row, lines)
            self._hold(row, held)
        else:
            self._fill(row, lines)

    def _fill(self, row: QTreeWidgetItem, lines: list[tuple[str, str, PortAt]]) -> None:
        for place, (text, other, port) in enumerate(lines):
            item, spoken = row.child(place), port_in_words(self._document, port, self._vocabulary, self._analysis)
            item.setText(0, text)
            for role, value in ((OTHER_END, other), (PORT, port), (SPOKEN, spoken)):
                if item.data(0, role) != value:
                    item.setData(0, role, value)
            item.setForeground(0, QColor(theme().muted))

    def _held(self, row: QTreeWidgetItem) -> PortAt | None:
        """The port of this block whose row a person is at."""
        current = self.tree.currentItem()
        return current.data(0, PORT) if current is not None and current.parent() is row else None

    def _hold(self, row: QTreeWidgetItem, port: PortAt | None) -> None:
        """They stay there while it is written anew."""
        rows = [row.child(place) for place in range(row.childCount())]
        again = next((child for child in rows if port is not None and child.data(0, PORT) == port), None)
        if again is not None:
            self.tree.setCurrentItem(again, 0, QItemSelectionModel.SelectionFlag.NoUpdate)

    def selection(self) -> list[str]:
        """Ids of the selected nodes."""
        return [item.data(0, KEY) for item in self.tree.selectedItems() if item.data(0, KEY)]

    def select(self, nodes: list[str]) -> None:
        """Select these nodes' rows."""
        if self._is_telling or nodes == self.selection():
            return
        self._is_telling = True
        self.tree.clearSelection()
        for name in nodes:
            if name in self._rows:
                self._rows[name].setSelected(True)
        if nodes and nodes[-1] in self._rows:
            self.tree.setCurrentItem(self._rows[nodes[-1]], 0, QItemSelectionModel.SelectionFlag.NoUpdate)
        self._is_telling = False

    def _tell(self) -> None:
        if not self._is_telling:
            self._is_telling = True
            self.selectionChanged.emit(self.selection())
            if notes := [item.data(0, NOTE) for item in self.tree.selectedItems() if item.data(0, NOTE)]:
                self.notesSelected.emit(notes)
            self._is_telling = False

    def _go(self, item: QTreeWidgetItem, column: int = 0) -> None:
        own = item.data(0, KEY)
        if item.data(0, NOTE):
            self.noteRequested.emit(item.data(0, NOTE))
        elif own and definition_of(self._document.definitions, self._document.nodes[own]) is not None:
            self.enterRequested.emit(own)
        elif name := own or item.data(0, OTHER_END):
            self.nodeRequested.emit(name)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.tree and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride and self._method(event):
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and self._key(event):
                return True
        return super().eventFilter(watched, event)

    def _method(self, event: QKeyEvent) -> str:
        """The canvas's command that a key has here, too."""
        keys = spelled(event)
        return "" if len(keys) == 1 or keys in OF_LISTS else command_for(keys, selected=bool(self.selection()))

    def _key(self, event: QKeyEvent) -> bool:
        item, alone = self.tree.currentItem(), not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        port = item.data(0, PORT) if item is not None else None
        if alone and event.key() in REMOVE:
            (self.unwireRequested.emit(port) if port is not None else self.deleteRequested.emit())
        elif alone and event.key() in ENTER and item is not None:
            (self.wireRequested.emit(port) if port is not None and not item.data(0, OTHER_END) else self._go(item))
        elif alone and event.key() == Qt.Key.Key_Escape and self._document.inside:
            self.commandRequested.emit("leave")
        elif method := self._method(event):
            if method == "wire_to" and port is not None:
                self.wireRequested.emit(port)
            else:
                self.commandRequested.emit(method)
        else:
            return False
        return True

    def _ask_for_menu(self, at: QPoint) -> None:
        item = self.tree.itemAt(at) or self.tree.currentItem()
        if item is not None and item.data(0, PORT) is not None:
            self._port_menu(item).popup(self.tree.viewport().mapToGlobal(at))
            return
        if item is not None and not item.isSelected():
            self.tree.setCurrentItem(item)
        self.menuRequested.emit(self.tree.viewport().mapToGlobal(at))

    def _port_menu(self, item: QTreeWidgetItem) -> QMenu:
        """What can be done with one port."""
        menu, port = popup(self), item.data(0, PORT)
        menu.addAction(tr("Wire to…"), lambda: self.wireRequested.emit(port))
        if item.data(0, OTHER_END):
            menu.addAction(tr("Disconnect"), lambda: self.unwireRequested.emit(port))
            menu.addAction(tr("Go to the other end"), lambda: self._go(item))
        return menu

    def restyle(self) -> None:
        """The theme or the language changed."""
        for name, row in self._rows.items():
            self._write(name, row)
        self._write_notes()


def _sharing_anew(old: Document, new: Document, touched: Collection[str]) -> set[str]:
    """Rows whose sharing reads otherwise now: every place of weights of which one came, went or changed."""
    found = {place for document in (old, new) for name in touched for place in document.places(name)}
    return {name for name in found if name in new.nodes}
