"""Where a step lies in seconds, epochs and samples, and back: the run's timeline, kept as three series."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from core.store.curves import LEAST, Reach, last_upto
from core.store.points import Keys, Values

MOST_PLACES = 1 << 15  # blocks of the timeline that a long curve is laid along


def place(connection: Connection, series_id: int, step: int) -> float:
    """The axis at or before a step; 0 before the first."""
    found = last_upto(connection, series_id, step)
    return found[1] if found else 0.0


def step_at(connection: Connection, series_id: int, value: float) -> int:
    """The last step that is not beyond a value of the axis; the first step where all are."""
    steps, values = _timeline(connection, series_id, LEAST, 2**62)
    if not len(steps):
        return 0
    if len(steps) == MOST_PLACES or len(steps) > MOST_PLACES // 2:
        index = int(np.searchsorted(values, value, side="right"))
        first = int(steps[index - 1]) if index > 0 else LEAST
        final = int(steps[index]) if index < len(steps) else 2**62
        steps, values = Reach(connection, series_id, first, final).single()
    index = int(np.searchsorted(values, value, side="right")) - 1
    return int(steps[max(index, 0)])


def along(connection: Connection, series_id: int, steps: Keys) -> Values:
    """The axis at many steps; between two known ones in proportion."""
    if not len(steps):
        return np.zeros(0)
    known, values = _timeline(connection, series_id, LEAST, int(steps[-1]))
    return np.interp(steps, known, values) if len(known) else np.zeros(len(steps))


def _timeline(connection: Connection, series_id: int, first: int, final: int) -> tuple[Keys, Values]:
    """Steps and places in order; the last of each block where there are very many. Time never runs backwards."""
    reach = Reach(connection, series_id, first, final)
    blocks = reach.blocks(MOST_PLACES) if reach.count > MOST_PLACES else None
    steps, values = (blocks.keys, blocks.last) if blocks is not None else reach.single()
    return steps, np.maximum.accumulate(values) if len(values) else values


def first_step_from(connection: Connection, series_id: int, value: float) -> int:
    """The first step that lies at a value of the axis or beyond; beyond every step where none does."""
    last_before = step_at(connection, series_id, float(np.nextafter(value, -np.inf)))
    return last_before if place(connection, series_id, last_before) >= value else last_before + 1
