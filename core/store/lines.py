"""The writing side of one series: what is in the tail, what waits, and the rows that a flush writes.

Nothing here changes the state until the transaction is committed, so a failed flush can simply be tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select

from core.store import points
from core.store.points import CHUNK, Keys, Values
from core.store.schema import chunk, tail

MOST_SEGMENTS = 64  # a tail of more is written as one


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The figures that the library shows for a series."""

    size: int = 0
    first: int = 0
    final: int = 0
    last: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    nonfinite: int = 0


@dataclass
class Line:
    """A series of points while a run is recorded."""

    name: str
    kind: str
    series_id: int = 0
    summary: Summary = field(default_factory=Summary)
    tail_keys: Keys = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    tail_values: Values = field(default_factory=lambda: np.zeros(0))
    segments: int = 0
    keys: list[int] = field(default_factory=list)  # said, not written
    values: list[float] = field(default_factory=list)

    def forget(self) -> None:
        """Drop what was said and not written."""
        self.keys.clear()
        self.values.clear()


@dataclass
class Rows:
    """What a flush does to points: deletions first."""

    emptied: list[int] = field(default_factory=list)  # series whose tail goes
    chunks: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    after: list[tuple[Line, Summary, Keys, Values, int]] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """All of it, in the caller's transaction."""
        if self.emptied:
            connection.execute(delete(tail).where(tail.c.series_id.in_(self.emptied)))
        if self.chunks:
            connection.execute(insert(chunk), self.chunks)
        if self.segments:
            connection.execute(insert(tail), self.segments)

    def settle(self) -> None:
        """The transaction is committed: the lines move on."""
        for line, summary, keys, values, segments in self.after:
            line.summary, line.tail_keys, line.tail_values, line.segments = summary, keys, values, segments
            line.forget()


def plan(connection: Connection, line: Line, rows: Rows) -> None:
    """Add to ``rows`` what writes the line's new points. Repeated or earlier keys replace what was there."""
    keys, values = np.array(line.keys, dtype=np.int64), np.array(line.values, dtype=np.float64)
    if (line.summary.size and keys[0] <= line.summary.final) or (len(keys) > 1 and bool((np.diff(keys) <= 0).any())):
        _replace(connection, line, keys, values, rows)
        return
    _append(line, _extended(line.summary, keys, values), keys, values, rows)


def truncate(connection: Connection, line: Line, final: int) -> Rows:
    """Forget every point after a key; writes at once, the caller settles."""
    rows = Rows()
    keys, values = _taken_back(connection, line, final + 1)
    kept = keys <= final
    keys, values = keys[kept], values[kept]
    empty = replace(line, tail_keys=keys[:0], tail_values=values[:0], segments=0)
    summary = _measured(connection, line.series_id, keys, values)
    _append(empty, summary, keys, values, rows, owner=line)
    rows.write(connection)
    return rows


def load_tail(connection: Connection, line: Line) -> None:
    """Take up a tail that is already in the store."""
    found = connection.execute(select(tail).where(tail.c.series_id == line.series_id).order_by(tail.c.id)).all()
    line.tail_keys, line.tail_values = points.unsegment(found)
    line.segments = len(found)


def _append(line: Line, summary: Summary, keys: Keys, values: Values, rows: Rows, owner: Line | None = None) -> None:
    owner = owner or line
    all_keys = np.concatenate([line.tail_keys, keys]) if len(line.tail_keys) else keys
    all_values = np.concatenate([line.tail_values, values]) if len(line.tail_keys) else values
    sealed = len(all_keys) // CHUNK * CHUNK
    for start in range(0, sealed, CHUNK):
        row = points.seal(all_keys[start : start + CHUNK], all_values[start : start + CHUNK])
        rows.chunks.append({"series_id": line.series_id, **row})
    left_keys, left_values, segments = all_keys[sealed:], all_values[sealed:], line.segments + 1
    if sealed or segments > MOST_SEGMENTS:
        if line.segments:
            rows.emptied.append(line.series_id)
        keys, values, segments = left_keys, left_values, 1
    if len(keys):
        rows.segments.append({"series_id": line.series_id, **points.segment(keys, values)})
    rows.after.append((owner, summary, left_keys, left_values, segments if len(left_keys) else 0))


def _replace(connection: Connection, line: Line, keys: Keys, values: Values, rows: Rows) -> None:
    """The last word on a key wins: take back what overlaps, merge, and write it anew."""
    old_keys, old_values = _taken_back(connection, line, int(keys.min()))
    keys, values = np.concatenate([old_keys, keys]), np.concatenate([old_values, values])
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    last = np.append(keys[1:] != keys[:-1], True)
    keys, values = keys[last], values[last]
    empty = replace(line, tail_keys=keys[:0], tail_values=values[:0], segments=0)
    _append(empty, _measured(connection, line.series_id, keys, values), keys, values, rows, owner=line)


def _taken_back(connection: Connection, line: Line, first: int) -> tuple[Keys, Values]:
    """Remove every chunk that reaches ``first`` or beyond, and the tail; gives their points."""
    reach = (chunk.c.series_id == line.series_id) & (chunk.c.final >= first)
    sealed = [points.unseal(row) for row in connection.execute(select(chunk).where(reach).order_by(chunk.c.first))]
    connection.execute(delete(chunk).where(reach))
    connection.execute(delete(tail).where(tail.c.series_id == line.series_id))
    keys = np.concatenate([*(part for part, _ in sealed), line.tail_keys])
    return keys, np.concatenate([*(part for _, part in sealed), line.tail_values])


def _extended(summary: Summary, keys: Keys, values: Values) -> Summary:
    return Summary(
        size=summary.size + len(keys), first=summary.first if summary.size else int(keys[0]), final=int(keys[-1]),
        last=float(values[-1]), low=float(np.fmin(summary.low, np.fmin.reduce(values))),
        high=float(np.fmax(summary.high, np.fmax.reduce(values))),
        nonfinite=summary.nonfinite + int(len(values) - np.count_nonzero(np.isfinite(values))),
    )  # fmt: skip


def _measured(connection: Connection, series_id: int, keys: Keys, values: Values) -> Summary:
    """The summary of the chunks that are left and of the points that follow them."""
    of = select(
        func.coalesce(func.sum(chunk.c.size), 0), func.min(chunk.c.first), func.max(chunk.c.final), func.min(chunk.c.low),
        func.max(chunk.c.high), func.coalesce(func.sum(chunk.c.nonfinite), 0),
    ).where(chunk.c.series_id == series_id)  # fmt: skip
    size, first, final, low, high, nonfinite = connection.execute(of).one()
    last = select(chunk.c.last).where(chunk.c.series_id == series_id).order_by(chunk.c.final.desc()).limit(1)
    kept = Summary(
        size=int(size), first=first or 0, final=final or 0, last=points.number(connection.execute(last).scalar()),
        low=points.number(low), high=points.number(high), nonfinite=int(nonfinite),
    )  # fmt: skip
    return _extended(kept, keys, values) if len(keys) else kept


def upto(connection: Connection, line: Line, key: int) -> tuple[Keys, Values]:
    """The points of the chunk or tail in which ``key`` lies, up to it."""
    kept = line.tail_keys <= key
    if kept.any():
        return line.tail_keys[kept], line.tail_values[kept]
    reach = select(chunk).where(chunk.c.series_id == line.series_id, chunk.c.first <= key)
    row = connection.execute(reach.order_by(chunk.c.first.desc()).limit(1)).first()
    if row is None:
        return line.tail_keys[:0], line.tail_values[:0]
    keys, values = points.unseal(row)
    return keys[keys <= key], values[keys <= key]
