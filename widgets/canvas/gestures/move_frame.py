"""Drag a frame by its title: what lies inside goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt

from core.graph import edits
from widgets.canvas import geometry as g
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.moving import carried
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface


@gestures.register("move_frame")
class MoveFrame(Gesture):
    """Moves a frame, the nodes and the smaller frames inside; Shift snaps, Alt moves the frame alone."""

    rank = 60
    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, canvas: Surface, press: Press, frame: str) -> None:
        super().__init__(canvas, press)
        self._frame = frame
        self._box = canvas.board.frames[frame].box
        alone = press.has(Qt.KeyboardModifier.AltModifier) or canvas.document.frames[frame].is_note
        self._nodes = [] if alone else canvas.board.inside(self._box)
        self._inner = [] if alone else [
            name for name, item in canvas.board.frames.items() if name != frame and self._box.contains(item.box)
        ]  # fmt: skip
        canvas.select([], frames=[frame])

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> MoveFrame | None:
        if press.button != Qt.MouseButton.LeftButton:
            return None
        name, edges = canvas.board.frame_at(press.at, 0.0)
        return cls(canvas, press, name) if name and not edges else None

    def _shift(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> QPointF:
        shift = at - self.press.at
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            corner = self._box.topLeft()
            return QPointF(g.snapped(corner.x() + shift.x()), g.snapped(corner.y() + shift.y())) - corner
        return shift

    def _places(self, shift: QPointF) -> dict[str, g.Point]:
        nodes = self.canvas.document.nodes
        return {name: (nodes[name].x + shift.x(), nodes[name].y + shift.y()) for name in self._nodes}

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        shift = self._shift(at, modifiers)
        self.scene.preview(self._places(shift))
        for name in (self._frame, *self._inner):
            frame = self.canvas.document.frames[name]
            box = QRectF(frame.x, frame.y, frame.width, frame.height)
            self.scene.frames[name].show_box(box.translated(shift))

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        shift = self._shift(at, modifiers)
        document = carried(self.canvas.document, self._places(shift))
        for name in (self._frame, *self._inner):
            frame = document.frames[name]
            document = edits.change_frame(document, name, x=frame.x + shift.x(), y=frame.y + shift.y())
        self.canvas.propose(document, tr("Move a note") if document.frames[self._frame].is_note else tr("Move a frame"))

    def cancel(self) -> None:
        self.scene.settle()
