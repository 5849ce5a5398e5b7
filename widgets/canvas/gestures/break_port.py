"""Alt and a click on a port: take off every wire there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from core.graph import edits
from core.graph.document import End, Wire
from widgets.canvas.geometry import PORT_REACH
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


def wires_at(wires: tuple[Wire, ...], end: End, outgoing: bool) -> list[Wire]:
    """The wires at a port."""
    return [wire for wire in wires if (wire.source if outgoing else wire.target) == end]


@gestures.register("break_port")
class BreakPort(Gesture):
    """Disconnects a port."""

    rank = 10

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> BreakPort | None:
        alt = press.has(Qt.KeyboardModifier.AltModifier) and press.button == Qt.MouseButton.LeftButton
        return cls(canvas, press) if alt and canvas.port_near(press.at, PORT_REACH) else None

    def click(self) -> None:
        found = self.canvas.port_near(self.press.at, PORT_REACH)
        wires = wires_at(self.canvas.document.wires, *found) if found else []
        if wires:
            changed = edits.disconnect(self.canvas.document, [wire.key for wire in wires])
            self.canvas.propose(changed, tr("Disconnect"))
