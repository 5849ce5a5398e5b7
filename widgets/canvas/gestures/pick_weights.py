"""While a click is awaited: the block under the mouse is the one whose weights are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("pick_weights")
class PickWeights(Gesture):
    """Takes the next press of the left button, wherever it falls; on empty paper nothing is chosen."""

    rank = 1

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> PickWeights | None:
        return cls(canvas, press) if canvas.sharer and press.button == Qt.MouseButton.LeftButton else None

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._choose(at, pixel)

    def click(self) -> None:
        self._choose(self.press.at, self.press.pixel)

    def _choose(self, at: QPointF, pixel: QPointF) -> None:
        if reason := self.canvas.choose_weights(self.scene.node_at(at)):
            self.canvas.say_here(reason, pixel, stays=True)
