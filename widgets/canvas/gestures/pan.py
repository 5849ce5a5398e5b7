"""Drag the paper: the middle button, or the space bar and the left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("pan")
class Pan(Gesture):
    """Moves the view with the mouse."""

    rank = 0
    waits_for_drift = False
    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, canvas: Surface, press: Press) -> None:
        super().__init__(canvas, press)
        self._last = press.pixel

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> Pan | None:
        spaced = press.space and press.button == Qt.MouseButton.LeftButton
        return cls(canvas, press) if spaced or press.button == Qt.MouseButton.MiddleButton else None

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.canvas.pan(self._last - pixel)
        self._last = pixel
