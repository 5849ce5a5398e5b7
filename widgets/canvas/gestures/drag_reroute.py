"""Drag a reroute point of a wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from core.graph import edits
from widgets.canvas import geometry as g
from widgets.canvas.geometry import WIRE_REACH
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("drag_reroute")
class DragReroute(Gesture):
    """Moves one reroute point; Shift snaps it to the grid."""

    rank = 30
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, canvas: Surface, press: Press, wire: str, number: int) -> None:
        super().__init__(canvas, press)
        self._wire, self._number = wire, number
        canvas.select([], wires=[wire])

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> DragReroute | None:
        if press.button != Qt.MouseButton.LeftButton:
            return None
        found = canvas.board.via_at(press.at, WIRE_REACH / canvas.scale_now)
        return cls(canvas, press, *found) if found else None

    def _moved(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> tuple[g.Point, ...]:
        snap = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        via = list(self.scene.wires[self._wire].wire.via)
        via[self._number] = (g.snapped(at.x()), g.snapped(at.y())) if snap else (at.x(), at.y())
        return tuple(via)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.scene.lay_wire(self._wire, self._moved(at, modifiers))
        self.scene.wires[self._wire].update()

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.canvas.propose(
            edits.reroute(self.canvas.document, self._wire, self._moved(at, modifiers)), tr("Reroute a wire")
        )

    def cancel(self) -> None:
        self.scene.lay_wire(self._wire)
