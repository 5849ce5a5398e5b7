"""Which items of a kind lie near a rectangle: asked for every piece of the picture, so it must cost microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from PySide6.QtCore import QRectF

from widgets.canvas.items.drawn import Drawn

Item = TypeVar("Item", bound=Drawn)
Extent = tuple[float, float, float, float]  # left, top, right, bottom, scene units


class Near(Generic[Item]):
    """Remembers the rectangle of every item; Qt's own index would ask every child of a layer for it each time."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        """The dictionary is the scene's own."""
        self._items = items
        self._extents: dict[Item, Extent] = {}
        self._changed: set[Item] = set()
        self._is_stale = True

    def forget(self) -> None:
        """Items came or went."""
        self._is_stale = True

    def touch(self, item: Item) -> None:
        """One may have moved."""
        self._changed.add(item)

    def of(self, seen: QRectF) -> list[Item]:
        """The visible items that a rectangle of the scene touches, in the document's order."""
        self._keep_up()
        left, top, right, bottom = seen.left(), seen.top(), seen.right(), seen.bottom()
        return [
            item for item, (x, y, far_x, far_y) in self._extents.items()
            if x < right and far_x > left and y < bottom and far_y > top and item.isVisible()
        ]  # fmt: skip

    def _keep_up(self) -> None:
        if self._is_stale:
            self._extents = {item: _extent(item) for item in self._items.values()}
        else:
            for item in self._changed:
                if item in self._extents:
                    self._extents[item] = _extent(item)
        self._is_stale = False
        self._changed.clear()


def _extent(item: Drawn) -> Extent:
    bounds, at = item.boundingRect(), item.pos()
    return bounds.left() + at.x(), bounds.top() + at.y(), bounds.right() + at.x(), bounds.bottom() + at.y()
