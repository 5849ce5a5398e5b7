"""Histograms over time on common edges, and device readings side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from core.store.answers import DeviceCurves, HistogramStrip
from core.store.curves import MOST, MOST_SINGLE_POINTS, Reach
from core.store.points import Keys, Values
from core.store.schema import snapshot
from core.store.snapshots import stacked

MOST_HISTOGRAMS = 20_000  # of more, evenly chosen ones are read


def strip(connection: Connection, series_id: int, name: str, columns: int, upto: int | None) -> HistogramStrip | None:
    """Histograms of a series in at most ``columns`` columns. A column holds the sum of 1, 2, 4 ... histograms, so a
    growing strip changes only at its end between two doublings."""
    within: Any = (snapshot.c.series_id == series_id) & (snapshot.c.step <= (MOST if upto is None else upto))
    count = connection.execute(select(func.count()).where(within)).scalar_one()
    if count > MOST_HISTOGRAMS:
        ids = connection.execute(select(snapshot.c.id).where(within).order_by(snapshot.c.step)).scalars().all()
        within = snapshot.c.id.in_(ids[:: -(-count // MOST_HISTOGRAMS)])
    asked = select(snapshot.c.about, snapshot.c.checksum, snapshot.c.data, snapshot.c.step)
    found = connection.execute(asked.where(within).order_by(snapshot.c.step)).all()
    if not found:
        return None
    counts_NB, low, high = stacked(found)
    size = 1
    while -(-len(found) // size) > max(1, columns):
        size *= 2
    starts = np.arange(0, len(found), size)
    sums = np.add.reduceat(counts_NB, starts, axis=0)
    totals = sums.sum(axis=1, keepdims=True)
    steps = np.array([found[min(int(start) + size, len(found)) - 1][3] for start in starts], dtype=np.int64)
    density = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0).astype(np.float32)
    return HistogramStrip(name=name, steps=steps, low=low, high=high, density=density)


def device_curves(device: str, reaches: Mapping[str, Reach], points: int) -> DeviceCurves:
    """Readings in milliseconds of every quantity, on one axis; a quantity that was not read is NaN there."""
    counts = {reach.count for reach in reaches.values()}
    if not counts or not max(counts):
        return DeviceCurves(device=device, seconds=np.zeros(0), values={})
    if len(counts) == 1 and max(counts) > MOST_SINGLE_POINTS:  # very many readings, all quantities together
        blocks = {name: reach.blocks(max(1, points // 2)) for name, reach in reaches.items()}
        ends = next(iter(blocks.values())).keys
        if all(np.array_equal(part.keys, ends) for part in blocks.values()):
            seconds = np.column_stack([np.concatenate([ends[:1], ends[:-1]]), ends]).ravel() / 1000
            values = {name: np.column_stack([part.low, part.high]).ravel() for name, part in blocks.items()}
            return DeviceCurves(device=device, seconds=seconds, values=values)
    return _bucketed(device, {name: reach.single() for name, reach in reaches.items()}, points)


def _bucketed(device: str, single: Mapping[str, tuple[Keys, Values]], points: int) -> DeviceCurves:
    keys = np.unique(np.concatenate([found for found, _ in single.values()]))
    values = {name: _laid(keys, *pair) for name, pair in single.items()}
    seconds = keys.astype(np.float64) / 1000
    if len(keys) <= max(2, points):
        return DeviceCurves(device=device, seconds=seconds, values=values)
    size = 2
    while -(-len(keys) // size) * 2 > points:
        size *= 2
    starts = np.arange(0, len(keys), size)
    ends = np.minimum(starts + size, len(keys)) - 1
    both = np.column_stack([seconds[starts], seconds[ends]]).ravel()
    return DeviceCurves(device=device, seconds=both, values={name: _extremes(v, starts) for name, v in values.items()})


def _laid(keys: Keys, own: Keys, values: Values) -> Values:
    if len(own) == len(keys):
        return values
    laid = np.full(len(keys), np.nan)
    laid[np.searchsorted(keys, own)] = values
    return laid


def _extremes(values: Values, starts: NDArray[np.int64]) -> Values:
    """Lowest and highest of each bucket, one after the other."""
    return np.column_stack([np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)]).ravel()
