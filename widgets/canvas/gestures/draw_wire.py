"""Drag from a port: draw a wire, take one off, or find a block for its loose end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from core.graph import edits, rules
from core.graph.document import Document, End, Wire
from widgets.canvas.geometry import PORT_REACH
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.items.passing import LooseWireItem
from widgets.look.language import in_a_row, said, tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("draw_wire")
class DrawWire(Gesture):
    """Draws a wire from ``fixed``; ``taken`` is the wire whose end was taken off, if one was."""

    rank = 20
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, canvas: Surface, press: Press, fixed: End, outgoing: bool, taken: Wire | None) -> None:
        super().__init__(canvas, press)
        self._fixed, self._outgoing, self._taken = fixed, outgoing, taken
        self._base: Document = edits.disconnect(canvas.document, [taken.key]) if taken else canvas.document
        self._target: End | None = None
        self._refusal = ""
        self._item: LooseWireItem | None = None
        self._fitting: set[End] = set()
        self._bridged: dict[tuple[End, ...], bool] = {}

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> DrawWire | None:
        if press.button != Qt.MouseButton.LeftButton:
            return None
        found = canvas.port_near(press.at, PORT_REACH)
        if found is None:
            return None
        end, outgoing = found
        taken = None if outgoing else canvas.document.wire_at(end)
        return cls(canvas, press, taken.source, True, taken) if taken else cls(canvas, press, end, outgoing, None)

    def start(self) -> None:
        document, vocabulary = self._base, self.canvas.vocabulary
        self._fitting = rules.fitting_ends(document, self._fixed, self._outgoing, vocabulary)
        for name, item in self.scene.nodes.items():
            ports = {(e.port, not self._outgoing) for e in self._fitting if e.node == name} if self._fitting else set()
            item.fitting = frozenset(
                ports | ({(self._fixed.port, self._outgoing)} if name == self._fixed.node else set())
            )
            item.update()
        for wire in self.scene.wires.values():
            wire.faded = True
            wire.update()
        if self._taken:
            self.scene.wires[self._taken.key].setVisible(False)
        spot = self.scene.nodes[self._fixed.node].shape_now.spot(self._fixed.port, self._outgoing)
        self._item = LooseWireItem(spot.port.modality if spot else "any")
        self._item.setZValue(3)
        self.scene.addItem(self._item)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._target, self._refusal = self._look(at)
        here = self.scene.nodes[self._fixed.node].spot_at(self._fixed.port, self._outgoing)
        there = (
            self.scene.nodes[self._target.node].spot_at(self._target.port, not self._outgoing) if self._target else at
        )
        if self._item:
            self._item.lay(*((here, there) if self._outgoing else (there, here)), self._target is not None)
        self.canvas.say_here(self._said(at), pixel)

    def _said(self, at: QPointF) -> str:
        """The refusal, and that something can be put between where it can."""
        if not self._refusal:
            return ""
        ends = tuple(self._refused_ends(at))
        if ends not in self._bridged:
            self._bridged[ends] = any(self.canvas.bridges_between(*self._ends(end)) for end in ends)
        offer = tr("Release to put a block between.") if self._bridged[ends] else ""
        return in_a_row(said(self._refusal), offer)

    def _look(self, at: QPointF) -> tuple[End | None, str]:
        """The port the loose end would take here, or why it cannot."""
        found = self.canvas.port_near(at, PORT_REACH * 1.6)
        if found and found[0].node != self._fixed.node:
            end, gives = found
            if gives == self._outgoing:
                return None, self._same_side(gives)
            return (end, "") if end in self._fitting else (None, self._reason(end))
        name = self.scene.node_at(at)
        if not name or name == self._fixed.node:
            return None, ""
        spots = [s for s in self.scene.nodes[name].shape_now.spots if s.outgoing != self._outgoing]
        ends = [End(node=name, port=spot.port.name) for spot in spots]
        fits = [end for end in ends if end in self._fitting]
        free = [end for end in fits if self._outgoing and self._base.wire_at(end) is None]
        if fits:
            return (free or fits)[0], ""
        return None, self._reason(ends[0]) if ends else self._same_side(not self._outgoing)

    def _same_side(self, gives: bool) -> str:
        if gives:
            return tr("A wire leads from an outgoing port to an incoming one; this port gives, too.")
        return tr("A wire leads from an outgoing port to an incoming one; this port takes, too.")

    def _ends(self, end: End) -> tuple[End, End]:
        return (self._fixed, end) if self._outgoing else (end, self._fixed)

    def _reason(self, end: End) -> str:
        return rules.refusal(self._base, *self._ends(end), self.canvas.vocabulary)

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._target, self._refusal = self._look(at)
        self.cancel()
        if self._target:
            self._join(self._target)
        elif self._refusal:
            self._offer(at, pixel)
        elif self._taken and not self.scene.node_at(at):
            self.canvas.propose(self._base, tr("Disconnect"))
        elif not self._taken and not self.scene.node_at(at):
            self.canvas.open_search(at, loose=(self._fixed, self._outgoing))

    def _offer(self, at: QPointF, pixel: QPointF) -> None:
        """What could stand between, where something could; else why the wire cannot be, for some seconds."""
        taken = self._taken.key if self._taken else ""
        for end in self._refused_ends(at):
            if self.canvas.open_bridges(*self._ends(end), pixel, taken):
                return
        self.canvas.say_here(self._refusal, pixel, stays=True)

    def _refused_ends(self, at: QPointF) -> list[End]:
        """The port that the refused wire was dropped on, or those of the block it was dropped on."""
        found = self.canvas.port_near(at, PORT_REACH * 1.6)
        if found and found[0].node != self._fixed.node:
            return [found[0]] if found[1] != self._outgoing else []
        name = self.scene.node_at(at)
        if not name or name == self._fixed.node:
            return []
        return [
            End(node=name, port=spot.port.name)
            for spot in self.scene.nodes[name].shape_now.spots
            if spot.outgoing != self._outgoing
        ]

    def _join(self, end: End) -> None:
        source, target = self._ends(end)
        unchanged = self._taken and self._taken.source == source and self._taken.target == target
        if not unchanged:
            self.canvas.propose(edits.connect(self._base, source, target), tr("Connect"))

    def cancel(self) -> None:
        self.canvas.say_here("")
        if self._item is not None:
            self.scene.removeItem(self._item)
            self._item = None
        for item in self.scene.nodes.values():
            if item.fitting is not None:
                item.fitting = None
                item.update()
        for wire in self.scene.wires.values():
            wire.faded = False
            wire.setVisible(True)
            wire.update()
