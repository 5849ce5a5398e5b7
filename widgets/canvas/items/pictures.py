"""Painted nodes, kept: drawing a picture costs a twentieth of painting a node.

While the view zooms, kept pictures are drawn larger or smaller; once it rests they are painted sharp again, as many a
frame as there is time for.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from PySide6.QtGui import QPixmap

MOST_KEPT, BUDGET_SECONDS, BUDGET_ZOOMING = 400, 0.0025, 0.0008


class Pictures:
    """The pictures of all nodes; the view opens every frame with :meth:`open_frame`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[tuple[object, ...], QPixmap, float]] = OrderedDict()
        self._until = float("inf")
        self._is_zooming = False
        self.is_unsharp = False
        self.is_smooth = True  # whether stretched pictures are smoothed, which costs thrice as much

    def open_frame(self, is_zooming: bool, is_large: bool) -> None:
        """A frame begins; of a large drawing only so many nodes are painted anew as fit into it."""
        self._is_zooming, self.is_smooth = is_zooming, not is_large
        self._until = 0.0 if is_large else float("inf")  # 0: from the first node on; wires are painted before
        self.is_unsharp = False

    def may_paint(self, is_missing: bool) -> bool:
        """Whether a node may be painted anew now; ``is_missing`` where it has no picture at all."""
        self._until = self._until or time.perf_counter() + (BUDGET_ZOOMING if self._is_zooming else BUDGET_SECONDS)
        allowed = (is_missing or not self._is_zooming) and time.perf_counter() < self._until
        self.is_unsharp = self.is_unsharp or not allowed
        return allowed

    def find(self, owner: object, state: tuple[object, ...]) -> tuple[QPixmap | None, float]:
        """The owner's picture and its device pixels a scene unit, if it was painted in this state.

        The last part of a state is the level of detail: while the view zooms, that of another level will do.
        """
        kept = self._kept.get(owner)
        if kept is None or (kept[0] != state and not (self._is_zooming and kept[0][:-1] == state[:-1])):
            return None, 0.0
        self._kept.move_to_end(owner)
        return kept[1], kept[2]

    def keep(self, owner: object, state: tuple[object, ...], picture: QPixmap, ratio: float) -> None:
        """Keep a picture; the one not drawn for longest goes."""
        self._kept[owner] = (state, picture, ratio)
        self._kept.move_to_end(owner)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def forget(self, owner: object) -> None:
        """The owner is gone."""
        self._kept.pop(owner, None)

    def clear(self) -> None:
        """Everything looks different now."""
        self._kept.clear()
