"""Drag nodes; a single unconnected one dropped on a wire goes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from core.graph import edits
from core.graph.document import Document
from widgets.canvas import geometry as g
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.moving import carried
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface

SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@gestures.register("move_nodes")
class MoveNodes(Gesture):
    """Moves the selected nodes; Shift snaps to the grid, Alt keeps wires as they are."""

    rank = 40
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, canvas: Surface, press: Press, node: str) -> None:
        super().__init__(canvas, press)
        self._node = node
        self._was_selected = node in canvas.selection()
        self._wire = ""
        if not self._was_selected:
            canvas.select([*canvas.selection(), node] if press.modifiers & (SHIFT | CTRL) else [node])
        self._homes = {
            name: (canvas.document.nodes[name].x, canvas.document.nodes[name].y) for name in canvas.selection()
        }

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> MoveNodes | None:
        name = canvas.board.node_at(press.at) if press.button == Qt.MouseButton.LeftButton else ""
        return cls(canvas, press, name) if name else None

    def click(self) -> None:
        if not self._was_selected:
            return
        others = [name for name in self.canvas.selection() if name != self._node]
        if self.press.has(CTRL):
            self.canvas.select(others)
        elif not self.press.has(SHIFT):
            self.canvas.select([self._node])

    def _places(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> dict[str, g.Point]:
        shift = at - self.press.at
        dx, dy = shift.x(), shift.y()
        if modifiers & SHIFT:
            x, y = self._homes[self._node]
            dx, dy = g.snapped(x + dx) - x, g.snapped(y + dy) - y
        return {name: (x + dx, y + dy) for name, (x, y) in self._homes.items()}

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.scene.preview(self._places(at, modifiers))
        self._mark(self._wire_under() if not modifiers & ALT else "")

    def _mark(self, wire: str) -> None:
        if wire == self._wire:
            return
        for key, lit in ((self._wire, False), (wire, True)):
            if key in self.scene.wires:
                self.scene.wires[key].dropped_on = lit
                self.scene.wires[key].update()
        self._wire = wire

    def _wire_under(self) -> str:
        """The wire that a single unconnected node would go into here."""
        if len(self._homes) != 1 or self.scene.wires_of(self._node):
            return ""
        middle = self.scene.nodes[self._node].box.center()
        return self.canvas.wire_that_takes(self._node, middle)

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.scene.preview(self._places(at, modifiers))
        wire = "" if modifiers & ALT else self._wire_under()
        self._mark("")
        document: Document = carried(self.canvas.document, self._places(at, modifiers))
        if wire:
            document = edits.insert_on_wire(document, self._node, wire, self.canvas.vocabulary)
        self.canvas.propose(document, tr("Insert into a wire") if wire else tr("Move"))

    def cancel(self) -> None:
        self._mark("")
        self.scene.settle()
