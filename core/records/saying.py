"""What a run of others says, as events in the order of its steps, on a clock that begins with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.records.foreign import LATEST, ForeignRun, Points
from core.store.snapshots import clean
from core.telemetry.events import At, Event, LogLine, Scalars


def clean_series(found: ForeignRun) -> dict[str, Points]:
    """Series by the names that a store takes."""
    return {clean(name): points for name, points in found.series.items()}


def events_of(found: ForeignRun, whole: ForeignRun | None = None) -> Iterator[Event]:
    """What is said, step by step; ``whole``: the run of which these are the later parts, for its clock."""
    steps, seconds = clock_of(whole or found)
    if whole is None:
        yield from (_line(found, steps, sentence) for sentence in (_origin(found), *found.remarks))
    by_step: dict[int, dict[str, float]] = {}
    for name, points in clean_series(found).items():
        for step, value in zip(points.steps.tolist(), points.values.tolist()):
            by_step.setdefault(step, {})[name] = value
    moments: dict[int, list[Event]] = {}
    for moment in found.moments:
        moments.setdefault(moment.step, []).append(moment.event)
    places = dict(zip(steps.tolist(), seconds.tolist()))
    for step in sorted(by_step.keys() | moments.keys()):
        at = At(step=step, seconds=places[step])
        if step in by_step:
            yield Scalars(at=at, values=by_step[step])
        yield from (replace(event, at=at) for event in moments.get(step, ()))


def _origin(found: ForeignRun) -> str:
    return f"From {found.title}: {found.place.path}"


def _line(found: ForeignRun, steps: NDArray[np.int64], sentence: str) -> LogLine:
    return LogLine(at=At(step=int(steps[0]) if len(steps) else 0, seconds=0.0), text=sentence)


def clock_of(found: ForeignRun) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every step, and the seconds since the run began when something was first said at it; never less than at a step before."""
    steps = [np.asarray(points.steps) for points in found.series.values()]
    walls = [points.walls for points in found.series.values()]
    steps.append(np.array([moment.step for moment in found.moments], dtype=np.int64))
    walls.append(np.array([moment.wall for moment in found.moments], dtype=np.float64))
    every, place = np.unique(np.concatenate(steps), return_inverse=True)
    first = np.full(len(every), np.inf)
    told = np.concatenate(walls)
    np.minimum.at(first, place, np.where((told >= 0) & (told < LATEST), told, np.inf))
    seconds = np.where(np.isfinite(first), first - found.created, 0.0)
    return every, np.maximum.accumulate(np.maximum(seconds, 0.0)) if len(every) else seconds
