"""What every item of the canvas has in common: it says where the picture is soiled whenever it looks different.

The view keeps what it painted (:mod:`widgets.canvas.tiles`), so Qt's own bookkeeping of what to paint is not used: the
four calls below, all of them Qt's names, are the only ways in which an item can change on the picture.
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QGraphicsItem


class Board(Protocol):
    """The scene that items lie on."""

    def soil(self, rect: QRectF, item: QGraphicsItem) -> None:
        """A rectangle of the scene looks different now, because of this item."""


class Drawn(QGraphicsItem):
    """An item of the canvas. Items are neither turned nor stretched; their parents stand at the scene's origin."""

    def prepareGeometryChange(self) -> None:
        self.update()
        super().prepareGeometryChange()

    def setPos(self, x: QPointF | float, y: float | None = None) -> None:  # type: ignore[override]
        there = x if isinstance(x, QPointF) else QPointF(x, y or 0.0)
        if there != self.pos():
            self.update()
            super().setPos(there)
            self.update()

    def setVisible(self, visible: bool) -> None:
        super().setVisible(visible)
        self.update()

    def update(self, rect: QRectF | None = None) -> None:  # type: ignore[override]
        scene: Board | None = self.scene()  # type: ignore[assignment]
        if scene is not None:
            scene.soil(self.boundingRect().translated(self.pos()), self)
