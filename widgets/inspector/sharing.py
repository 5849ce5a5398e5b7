"""Whose weights a block has, or where else its weights are, with a way there and a way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.graph.document import Document
from widgets.inspector.parts import text_label
from widgets.look.glyphs import glyph_pixmap
from widgets.look.language import tr
from widgets.look.plain import plain_tip
from widgets.look.theme import theme


class SharingLine(QWidget):
    """Hidden while the weights are nowhere else."""

    nodeRequested = Signal(str)  # go there
    commandRequested = Signal(str)  # a method of the canvas

    def __init__(self) -> None:
        super().__init__()
        self.words = text_label("")
        self.own = QPushButton(tr("Own weights"))
        self.own.setToolTip(plain_tip(tr("Give this block weights of its own, with the same settings.")))
        self.own.clicked.connect(lambda: self.commandRequested.emit("own_weights"))
        self.links: dict[str, QPushButton] = {}
        self._links = QVBoxLayout()
        self._links.setSpacing(2)
        mark = QLabel()
        mark.setPixmap(glyph_pixmap("chain", theme().accent))
        head = QHBoxLayout()
        head.addWidget(mark)
        head.addWidget(self.words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addLayout(self._links)
        layout.addWidget(self.own, 0, Qt.AlignmentFlag.AlignLeft)

    def show_node(self, document: Document, node: str, title_of: Callable[[str], str]) -> None:
        """Show whose weights a node has."""
        places = [place for place in document.places(node) if place != node]
        self.setVisible(bool(places))
        owner = document.nodes[node].same_as
        titles = {place: title_of(place) for place in ([owner] if owner and places else places)}
        self.words.setText(tr("Same weights as") if owner else tr("Its weights are also in"))
        self._show_links({place: title.replace("&", "&&") for place, title in titles.items()})

    def _show_links(self, titles: Mapping[str, str]) -> None:
        if {place: link.text() for place, link in self.links.items()} == titles:
            return
        for link in self.links.values():
            self._links.removeWidget(link)
            link.hide()
            link.deleteLater()
        self.links = {}
        for place, title in titles.items():
            link = QPushButton(title)
            link.setFlat(True)
            link.setCursor(Qt.CursorShape.PointingHandCursor)
            link.setAccessibleName(tr("Go to {block}", block=title))
            link.setStyleSheet(
                f"QPushButton {{ color: {theme().accent}; border: none; background: transparent; padding: 0 0 0 22px;"
                " text-align: left; }"
            )
            link.clicked.connect(lambda _=False, place=place: self.nodeRequested.emit(place))
            self.links[place] = link
            self._links.addWidget(link)
