"""A subgraph from inside: what it is called, its ports and the settings it shows; each can be renamed, moved and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from core.graph.document import Definition, Document
from core.graph.ports import Port
from core.graph.subgraphs.definitions import title_of
from widgets.inspector.page import Page
from widgets.inspector.parts import heading, separator, text_label
from widgets.look.glyphs import glyph_icon
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme

LONGEST_NAME = 64
Change = tuple[str, dict[str, Any]]  # a function of core.graph.subgraphs.borders, and its keywords


class EntryRow(QWidget):
    """One port or setting: its name to be typed, and buttons to move it and take it away."""

    renamed = Signal(str)
    moved = Signal(int)
    removed = Signal()

    def __init__(self, name: str, aside: str, *, is_first: bool, is_last: bool) -> None:
        super().__init__()
        self.name = QLineEdit(name)
        self.name.setMaxLength(LONGEST_NAME)
        self.name.setAccessibleName(tr("Name of {entry}", entry=f"{name}, {aside}"))
        self.name.setToolTip(plain_tip(aside))
        self.name.editingFinished.connect(self._rename)
        self.up = _button(tr("Move {name} up", name=name), Qt.ArrowType.UpArrow, not is_first)
        self.down = _button(tr("Move {name} down", name=name), Qt.ArrowType.DownArrow, not is_last)
        self.remove = _button(tr("Take {name} away", name=name))
        self.remove.setIcon(glyph_icon("cross", theme().muted, 14))
        self.up.clicked.connect(lambda: self.moved.emit(-1))
        self.down.clicked.connect(lambda: self.moved.emit(1))
        self.remove.clicked.connect(self.removed)
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(self.name, 1)
        for button in (self.up, self.down, self.remove):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(text_label(aside, muted=True))

    def _rename(self) -> None:
        if self.name.isModified():
            self.name.setModified(False)
            self.renamed.emit(self.name.text())


def _button(words: str, arrow: Qt.ArrowType = Qt.ArrowType.NoArrow, is_possible: bool = True) -> QToolButton:
    button = QToolButton()
    button.setArrowType(arrow)
    button.setFixedSize(24, 24)
    button.setToolTip(plain_tip(words))
    button.setAccessibleName(words)
    button.setEnabled(is_possible)
    return button


class SubgraphPage(Page):
    """Shows the definition whose inside is looked at; announces every change of its border."""

    borderRequested = Signal(
        str, dict, str
    )  # a function of core.graph.subgraphs.borders, its keywords, name of the edit

    def __init__(self) -> None:
        super().__init__()
        self._definition = Definition(id="")
        self._titles: Mapping[str, str] = {}
        self.title = QLineEdit()
        self.title.setAccessibleName(tr("Title of the subgraph"))
        self.title.setMaxLength(200)
        self.title.setStyleSheet(
            "QLineEdit { font-size: 15px; font-weight: 600; border: none; background: transparent; }"
        )
        self.title.editingFinished.connect(self._retitle)
        self.rows: dict[tuple[str, str], EntryRow] = {}  # (takes, gives or knobs; name) -> its row
        self._body = QWidget()
        self.add(self.title, text_label(tr("Subgraph"), muted=True), separator(), self._body)
        self.finish()

    def show_definition(self, document: Document, titles: Mapping[str, str]) -> None:
        """Show the subgraph whose inside a document is; ``titles``: of its blocks."""
        definition = document.definitions[document.inside]
        if not (self.title.hasFocus() and self.title.isModified()):
            self.title.setText(title_of(definition))
        told = (definition.takes, definition.gives, definition.knobs)
        if (
            told != (self._definition.takes, self._definition.gives, self._definition.knobs)
            or dict(titles) != self._titles
        ):
            self._definition, self._titles = definition, dict(titles)
            self._build()
        self._definition = definition

    def _build(self) -> None:
        body = QWidget()
        lines = QVBoxLayout(body)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(5)
        self.rows = {}
        for side, title, empty in (
            ("takes", tr("What comes in"), tr("Nothing comes in. Right-click a port of a block to lead it out.")),
            ("gives", tr("What goes out"), tr("Nothing goes out. Right-click a port of a block to lead it out.")),
        ):
            self._add_group(
                lines, title, empty, side, [(port.name, _port_words(port)) for port in getattr(self._definition, side)]
            )
        knobs = [(each.name, self._knob_words(each.node, each.knob)) for each in self._definition.knobs]
        empty = tr("None yet. Right-click a setting of a block and choose Show on the subgraph.")
        self._add_group(lines, tr("Settings of each copy"), empty, "knobs", knobs)
        self.lines.replaceWidget(self._body, body)
        self._body.hide()
        self._body.deleteLater()
        self._body = body

    def _knob_words(self, node: str, knob: str) -> str:
        return f"{self._titles.get(node, node)} · {knob.replace('_', ' ')}"

    def _add_group(self, lines: QVBoxLayout, title: str, empty: str, side: str, entries: list[tuple[str, str]]) -> None:
        lines.addWidget(heading(title))
        if not entries:
            lines.addWidget(text_label(empty, muted=True))
        for number, (name, aside) in enumerate(entries):
            row = EntryRow(name, aside, is_first=number == 0, is_last=number == len(entries) - 1)
            row.renamed.connect(
                lambda fresh, name=name: self._wish("rename", side, tr("Rename"), name=name, fresh=fresh)
            )
            row.moved.connect(lambda by, name=name: self._wish("move", side, tr("Change the order"), name=name, by=by))
            row.removed.connect(
                lambda name=name: self._wish("remove", side, tr("Take away from the subgraph"), name=name)
            )
            self.rows[side, name] = row
            lines.addWidget(row)

    def _wish(self, what: str, side: str, edit: str, **arguments: Any) -> None:
        if side == "knobs":
            self.borderRequested.emit("hide_knob" if what == "remove" else f"{what}_knob", arguments, edit)
        else:
            self.borderRequested.emit(f"{what}_port", {**arguments, "outgoing": side == "gives"}, edit)
        self._restore(side, str(arguments["name"]))

    def _restore(self, side: str, name: str) -> None:
        """A name that was refused is what it was."""
        if (row := self.rows.get((side, name))) is not None and row.name.text() != name:
            row.name.setText(name)

    def _retitle(self) -> None:
        if self.title.isModified() and self.title.text().strip():
            self.title.setModified(False)
            self.borderRequested.emit("rename_subgraph", {"title": self.title.text()}, tr("Rename"))


def _port_words(port: Port) -> str:
    kind = tr(port.kind, "kind")
    return f"{kind} · {tr(port.modality)}" if port.modality not in ("any", "loss", port.kind) else kind
