"""Drag over empty canvas: everything the box touches is selected, and shown so while it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt

from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.items.passing import BoxItem

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface

SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@gestures.register("box_select")
class BoxSelect(Gesture):
    """Selects by a box; Shift adds to what was selected, Ctrl takes away from it."""

    rank = 100

    def __init__(self, canvas: Surface, press: Press) -> None:
        super().__init__(canvas, press)
        self._before = (canvas.selection(), set(canvas.selected_wires), set(canvas.selected_frames))
        self._item: BoxItem | None = None

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> BoxSelect | None:
        return cls(canvas, press) if press.button == Qt.MouseButton.LeftButton else None

    def click(self) -> None:
        if not self.press.modifiers & (SHIFT | CTRL):
            self.canvas.select([])

    def start(self) -> None:
        self._item = BoxItem()
        self._item.setZValue(4)
        self.scene.addItem(self._item)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        box = QRectF(self.press.at, at).normalized()
        if self._item:
            self._item.show_box(box)
        nodes = self.scene.touching(box)
        frames = [name for name, item in self.scene.frames.items() if box.contains(item.box)]
        before, _, frames_before = self._before
        if modifiers & SHIFT:
            nodes = [*before, *(name for name in nodes if name not in set(before))]
            frames = [*frames_before, *frames]
        elif modifiers & CTRL:
            nodes = [name for name in before if name not in set(nodes)]
            frames = [name for name in frames_before if name not in frames]
        self.canvas.select(nodes, frames=frames)

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.move(at, pixel, modifiers)
        self._remove()

    def cancel(self) -> None:
        self._remove()
        self.canvas.select(self._before[0], wires=self._before[1], frames=self._before[2])

    def _remove(self) -> None:
        if self._item is not None:
            self.scene.removeItem(self._item)
            self._item = None
