"""Points between two keys, reduced so that every extreme stays: from whole chunks, stored blocks or single points.

How much is read depends on how many points lie in the range, never on how they happen to be stored, so the picture of
a moment is the same while a run trains and when it is replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from core.store import points
from core.store.points import BLOCK, CHUNK, Blocks, Keys, Values
from core.store.schema import chunk, tail

MOST_SINGLE_POINTS = 1 << 16  # a range of more is read from stored blocks
LEAST, MOST = -(2**62), 2**62
_FIGURES = (chunk.c.id, chunk.c.first, chunk.c.final, chunk.c.size, chunk.c.last, chunk.c.low, chunk.c.high,
            chunk.c.nonfinite)  # fmt: skip


class Reach:
    """The points of a series in ``first <= key <= final``: chunks in the middle and loose points at both ends."""

    def __init__(self, connection: Connection, series_id: int, first: int = LEAST, final: int = MOST) -> None:
        self._connection, self._series = connection, series_id
        within = (chunk.c.series_id == series_id) & (chunk.c.final >= first) & (chunk.c.first <= final)
        rows = list(connection.execute(select(*_FIGURES).where(within).order_by(chunk.c.first)))
        cut = [row.id for row in rows if row.first < first or row.final > final]
        self._whole = [row for row in rows if row.id not in cut]
        loose = {row.id: _between(*points.unseal(row), first, final) for row in self._load(cut)}
        self._before = [loose[row.id] for row in rows if row.id in loose and row.first < first]
        self._after = [loose[row.id] for row in rows if row.id in loose and row.first >= first]
        end = connection.execute(select(tail).where(tail.c.series_id == series_id).order_by(tail.c.id)).all()
        self._after.append(_between(*points.unsegment(end), first, final))
        self.count = sum(row.size for row in self._whole) + sum(len(keys) for keys, _ in (*self._before, *self._after))

    def blocks(self, most: int) -> Blocks:
        """At most ``most`` blocks that together hold every extreme of the range."""
        if self.count <= MOST_SINGLE_POINTS:
            return points.thinned(points.blocks_of(*self.single()), most)
        if self.count >= CHUNK * most:
            return points.thinned(self._joined(CHUNK, points.whole_chunks(self._whole)), most)
        return points.thinned(self._joined(BLOCK, points.levels_of(self._levels())), most)

    def single(self) -> tuple[Keys, Values]:
        """Every point."""
        middle = [points.unseal(row) for row in self._load([row.id for row in self._whole])]
        parts = [*self._before, *middle, *self._after]
        return np.concatenate([keys for keys, _ in parts]), np.concatenate([values for _, values in parts])

    def _joined(self, size: int, middle: Blocks) -> Blocks:
        before = [points.blocks_of(*part, size) for part in self._before]
        after = [points.blocks_of(*part, size) for part in self._after]
        return points.joined([*before, middle, *after])

    def _levels(self) -> Sequence[Any]:
        asked = select(chunk.c.id, chunk.c.size, chunk.c.levels)
        return self._by_id(asked, [row.id for row in self._whole])

    def _load(self, ids: Sequence[int]) -> Sequence[Any]:
        return self._by_id(select(chunk), ids)

    def _by_id(self, asked: Any, ids: Sequence[int]) -> Sequence[Any]:
        if not ids:
            return []
        if len(ids) <= 8:
            found = self._connection.execute(asked.where(chunk.c.id.in_(ids))).all()
        else:  # chunks of one series: a range of ids and of keys, not thousands of parameters
            whole = self._whole
            span = (chunk.c.series_id == self._series) & chunk.c.first.between(whole[0].first, whole[-1].first)
            found = self._connection.execute(asked.where(span)).all()
        place = {number: index for index, number in enumerate(ids)}
        return sorted((row for row in found if row.id in place), key=lambda row: place[row.id])


def last_upto(connection: Connection, series_id: int, key: int) -> tuple[int, float] | None:
    """The last point at or before a key."""
    end = connection.execute(select(tail).where(tail.c.series_id == series_id).order_by(tail.c.id)).all()
    keys, values = points.unsegment(end)
    index = int(np.searchsorted(keys, key, side="right")) - 1
    if index < 0:
        within = select(chunk).where(chunk.c.series_id == series_id, chunk.c.first <= key)
        row = connection.execute(within.order_by(chunk.c.first.desc()).limit(1)).first()
        if row is None:
            return None
        keys, values = points.unseal(row)
        index = int(np.searchsorted(keys, key, side="right")) - 1
    return int(keys[index]), float(values[index])


def _between(keys: Keys, values: Values, first: int, final: int) -> tuple[Keys, Values]:
    low, high = np.searchsorted(keys, first, side="left"), np.searchsorted(keys, final, side="right")
    return keys[low:high], values[low:high]
