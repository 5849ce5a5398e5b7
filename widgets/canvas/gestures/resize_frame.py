"""Drag a frame's edge or corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt

from core.graph import edits
from widgets.canvas import geometry as g
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.items.frame import EDGE, SMALLEST
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("resize_frame")
class ResizeFrame(Gesture):
    """Makes a frame larger or smaller; Shift snaps to the grid."""

    rank = 50

    def __init__(self, canvas: Surface, press: Press, frame: str, edges: str) -> None:
        super().__init__(canvas, press)
        self._frame, self._edges = frame, edges
        canvas.select([], frames=[frame])

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> ResizeFrame | None:
        if press.button != Qt.MouseButton.LeftButton:
            return None
        name, edges = canvas.board.frame_at(press.at, EDGE / canvas.scale_now)
        return cls(canvas, press, name, edges) if edges else None

    def _box(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> QRectF:
        frame = self.canvas.document.frames[self._frame]
        left, top, right, bottom = frame.x, frame.y, frame.x + frame.width, frame.y + frame.height
        x, y = at.x(), at.y()
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            x, y = g.snapped(x), g.snapped(y)
        left = min(x, right - SMALLEST) if "l" in self._edges else left
        right = max(x, left + SMALLEST) if "r" in self._edges else right
        top = min(y, bottom - SMALLEST) if "t" in self._edges else top
        bottom = max(y, top + SMALLEST) if "b" in self._edges else bottom
        return QRectF(left, top, right - left, bottom - top)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.scene.frames[self._frame].show_box(self._box(at, modifiers))

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        box = self._box(at, modifiers)
        document = edits.change_frame(
            self.canvas.document, self._frame, x=box.x(), y=box.y(), width=box.width(), height=box.height()
        )
        self.canvas.propose(document, tr("Resize a frame"))

    def cancel(self) -> None:
        self.scene.settle()
