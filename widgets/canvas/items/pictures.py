"""Painted nodes, kept: drawing a picture costs a twentieth of painting a node."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtGui import QPixmap

MOST_PIXELS = 12_000_000  # kept in all: 48 megabytes


class Pictures:
    """The pictures of all nodes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[tuple[object, ...], QPixmap]] = OrderedDict()
        self._pixels = 0

    def find(self, owner: object, state: tuple[object, ...]) -> QPixmap | None:
        """The owner's picture, if it was painted in this state."""
        kept = self._kept.get(owner)
        if kept is None or kept[0] != state:
            return None
        self._kept.move_to_end(owner)
        return kept[1]

    def keep(self, owner: object, state: tuple[object, ...], picture: QPixmap) -> None:
        """Keep a picture; those not drawn for longest go."""
        self.forget(owner)
        self._kept[owner] = (state, picture)
        self._pixels += picture.width() * picture.height()
        while self._pixels > MOST_PIXELS and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))

    def forget(self, owner: object) -> None:
        """The owner is gone."""
        kept = self._kept.pop(owner, None)
        if kept is not None:
            self._pixels -= kept[1].width() * kept[1].height()

    def clear(self) -> None:
        """Everything looks different now."""
        self._kept.clear()
        self._pixels = 0
