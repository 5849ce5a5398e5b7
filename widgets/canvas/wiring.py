"""Wires by keyboard: a port of the selected block is chosen, said, and joined to one from a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

from core.graph import edits, rules
from core.graph.document import End
from widgets.canvas.search import FoundEnd
from widgets.canvas.speaking import PortAt, port_in_words, ports_at
from widgets.look.language import tr

if TYPE_CHECKING:
    from core.graph.document import Document
    from core.graph.vocabulary import Vocabulary
    from widgets.canvas.scene import CanvasScene


class Wiring:
    """A part of the canvas view; see the module's first line."""

    if TYPE_CHECKING:
        board: CanvasScene
        document: Document
        vocabulary: Vocabulary

    chosen_port: PortAt | None = None

    def next_port(self) -> None:
        """Choose the next port of the block that was selected last."""
        self._step_port(1)

    def previous_port(self) -> None:
        """Choose the one before."""
        self._step_port(-1)

    def _step_port(self, step: int) -> None:
        if not self.selection():
            self.say(tr("Select a block first."))
            return
        ports = ports_at(self.document, self.selection()[-1], self.vocabulary)
        if not ports:
            self.say(tr("This block has no ports."))
            return
        known = ports.index(self.chosen_port) if self.chosen_port in ports else (-1 if step > 0 else 0)
        self.choose_port(ports[(known + step) % len(ports)])

    def choose_port(self, port: PortAt | None) -> None:
        """Put the ring around a port and say what it is; None: around none."""
        for at in (self.chosen_port, port):
            if at is not None and at[0].node in self.board.nodes:
                item = self.board.nodes[at[0].node]
                item.chosen = (at[0].port, at[1]) if at is port and port is not None else None
                item.update()
        self.chosen_port = port
        if port is None:
            self.bubble.say("")
            return
        node = self.board.nodes[port[0].node]
        self.ensureVisible(node.box, 40, 40)
        words = self.words_of_port(port)
        spot = QPointF(self.mapFromScene(node.spot_at(*node.chosen)))
        self.say_here(words, spot, stays=True, calm=True)
        self.announce(words)

    def words_of_port(self, port: PortAt) -> str:
        """What a port is, as it is said."""
        return port_in_words(self.document, port, self.vocabulary, self.board.analysis)

    def announce(self, words: str) -> None:
        """Let a screen reader say it."""
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def forget_port(self, nodes: list[str]) -> None:
        """Another block was selected: its ports are chosen anew."""
        if self.chosen_port is not None and self.chosen_port[0].node != (nodes[-1] if nodes else ""):
            self.choose_port(None)

    def wire_to(self) -> None:
        """Ask where the chosen port's wire leads: to one that fits, or to a block that is added for it."""
        if self.chosen_port is None or self.chosen_port[0].node not in self.document.nodes:
            self._step_port(1)
        if self.chosen_port is None:
            return
        self.ask_where(self.chosen_port)

    def ask_where(self, port: PortAt) -> None:
        """The list of ports that fit; the last line adds a block."""
        end, gives = port
        item = self.board.nodes[end.node]
        pixel = QPointF(self.mapFromScene(item.spot_at(end.port, gives)))
        self.bubble.say("")
        answers = [self._answer(end, other, gives) for other in self._fitting(end, gives)]
        self.search.open_ends(pixel, [*answers, FoundEnd(loose=port)], self.document, self.vocabulary)

    def _answer(self, end: End, other: End, gives: bool) -> FoundEnd:
        source, target = (end, other) if gives else (other, end)
        return FoundEnd(
            loose=(end, gives), other=other, taken=self.document.wire_at(target) is not None, wire=(source, target)
        )

    def _fitting(self, end: End, gives: bool) -> list[End]:
        """Ports that a wire may lead to, free ones first, then those that lie near."""
        home, nodes = self.document.nodes[end.node], self.document.nodes
        found = [
            other for other in rules.fitting_ends(self.document, end, gives, self.vocabulary)
            if not any({wire.source, wire.target} == {end, other} for wire in self.document.wires)
        ]  # fmt: skip

        def far(other: End) -> tuple[bool, float, str]:
            there = nodes[other.node]
            taken = gives and self.document.wire_at(other) is not None
            return taken, abs(there.x - home.x) + abs(there.y - home.y), str(other)

        return sorted(found, key=far)

    def join_found(self, found: FoundEnd) -> None:
        """The list was answered."""
        if found.wire is None:
            item = self.board.nodes[found.loose[0].node]
            beside = QPointF(260.0, 0.0) if found.loose[1] else QPointF(-260.0, 0.0)
            self.open_search(
                self.free_place(item.spot_at(found.loose[0].port, found.loose[1]) + beside), loose=found.loose
            )
            return
        self.propose(edits.connect(self.document, *found.wire), tr("Connect"))
        if self.chosen_port is not None:
            self.choose_port(self.chosen_port)
        else:
            self.announce(self.words_of_port(found.loose))

    def unwire(self, port: PortAt | None = None) -> bool:
        """Take the wires of the chosen port away; False where none is chosen or it has none."""
        port = port or self.chosen_port
        if port is None:
            return False
        end, gives = port
        wires = [wire.key for wire in self.document.wires if (wire.source if gives else wire.target) == end]
        if wires:
            self.propose(edits.disconnect(self.document, wires), tr("Disconnect"))
            self.announce(self.words_of_port(port))
        return True
