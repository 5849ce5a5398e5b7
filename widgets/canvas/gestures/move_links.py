"""Ctrl and a drag from a port: carry all its wires to another port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from core.graph import edits, rules
from core.graph.document import Document, End
from widgets.canvas.geometry import PORT_REACH
from widgets.canvas.gestures.break_port import wires_at
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.items.passing import LooseWireItem
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("move_links")
class MoveLinks(Gesture):
    """Moves every wire of a port to another port of the same side."""

    rank = 15
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, canvas: Surface, press: Press, end: End, outgoing: bool) -> None:
        super().__init__(canvas, press)
        self._end, self._outgoing = end, outgoing
        self._wires = wires_at(canvas.document.wires, end, outgoing)
        self._items: list[LooseWireItem] = []

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> MoveLinks | None:
        held = press.has(Qt.KeyboardModifier.ControlModifier) and press.button == Qt.MouseButton.LeftButton
        found = canvas.port_near(press.at, PORT_REACH) if held else None
        return cls(canvas, press, *found) if found and wires_at(canvas.document.wires, *found) else None

    def start(self) -> None:
        for wire in self._wires:
            item = LooseWireItem(self.scene.wires[wire.key].modality)
            item.setZValue(3)
            self.scene.addItem(item)
            self._items.append(item)
            self.scene.wires[wire.key].setVisible(False)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        found = self.canvas.port_near(at, PORT_REACH)
        held = found is not None and found[1] == self._outgoing
        for wire, item in zip(self._wires, self._items):
            other = wire.target if self._outgoing else wire.source
            spot = self.scene.nodes[other.node].spot_at(other.port, not self._outgoing)
            item.lay(*((at, spot) if self._outgoing else (spot, at)), held)
        self.canvas.say_here(self._moved(found[0])[1] if found and held else "", pixel)

    def _moved(self, end: End) -> tuple[Document, str]:
        """The document with the wires at ``end``, or the first refusal."""
        document = edits.disconnect(self.canvas.document, [wire.key for wire in self._wires])
        for wire in self._wires:
            source, target = (end, wire.target) if self._outgoing else (wire.source, end)
            if reason := rules.refusal(document, source, target, self.canvas.vocabulary):
                return self.canvas.document, reason
            document = edits.connect(document, source, target, wire.via)
        return document, ""

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.cancel()
        found = self.canvas.port_near(at, PORT_REACH)
        if not found or found[1] != self._outgoing or found[0] == self._end:
            return
        document, reason = self._moved(found[0])
        if reason:
            self.canvas.say_here(reason, pixel, stays=True)
        else:
            self.canvas.propose(document, tr("Move wires"))

    def cancel(self) -> None:
        self.canvas.say_here("")
        for item in self._items:
            self.scene.removeItem(item)
        self._items = []
        for wire in self._wires:
            self.scene.wires[wire.key].setVisible(True)
