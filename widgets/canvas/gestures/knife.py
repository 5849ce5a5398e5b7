"""Ctrl and a drag with the right button: a knife; every wire that it crosses is cut, as one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, Qt

from core.graph import edits
from widgets.canvas.geometry import lines_of
from widgets.canvas.gestures.catalog import gestures
from widgets.canvas.gestures.gesture import Gesture, Press
from widgets.canvas.items.passing import KnifeItem
from widgets.look.language import tr

if TYPE_CHECKING:
    from widgets.canvas.surface import Surface

CROSSES = QLineF.IntersectionType.BoundedIntersection


@gestures.register("knife")
class Knife(Gesture):
    """Cuts the wires between press and release; those that would be cut are shown selected on the way."""

    rank = 5
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, canvas: Surface, press: Press) -> None:
        super().__init__(canvas, press)
        self._before = canvas.selection(), set(canvas.selected_wires), set(canvas.selected_frames)
        self._item: KnifeItem | None = None

    @classmethod
    def begins(cls, canvas: Surface, press: Press) -> Knife | None:
        ctrl = press.has(Qt.KeyboardModifier.ControlModifier)
        return cls(canvas, press) if ctrl and press.button == Qt.MouseButton.RightButton else None

    def start(self) -> None:
        self._item = KnifeItem()
        self._item.setZValue(4)
        self.scene.addItem(self._item)

    def move(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._item is not None:
            self._item.lay(self.press.at, at)
        self.canvas.select([], wires=self.crossed(at))

    def finish(self, at: QPointF, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        crossed = self.crossed(at)
        self.cancel()
        if crossed:
            self.canvas.propose(edits.disconnect(self.canvas.document, crossed), tr("Cut wires"))

    def cancel(self) -> None:
        if self._item is not None:
            self.scene.removeItem(self._item)
            self._item = None
        nodes, wires, frames = self._before
        self.canvas.select(nodes, wires=wires, frames=frames)

    def crossed(self, at: QPointF) -> list[str]:
        """Keys of the wires that the line from the press to a place crosses."""
        cut = QLineF(self.press.at, at)
        return [
            key for key, item in self.scene.wires.items()
            if any(line.translated(item.pos()).intersects(cut)[0] == CROSSES for line in lines_of(item.pieces))
        ]  # fmt: skip
