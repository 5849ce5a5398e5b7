"""Click a wire to select it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from widgets.canvas.geometry import WIRE_REACH
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("select_wire")
class SelectWire(Gesture):
    """Selects a wire; Ctrl or Shift adds it to what is selected."""

    rank = 70

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> SelectWire | None:
        if press.button != Qt.MouseButton.LeftButton:
            return None
        key = canvas.board.wire_at(press.at, WIRE_REACH / canvas.scale_now)
        if not key:
            return None
        if press.modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            canvas.select(canvas.selection(), wires={*canvas.selected_wires, key}, frames=canvas.selected_frames)
        else:
            canvas.select([], wires=[key])
        return cls(canvas, press)
