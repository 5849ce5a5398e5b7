"""A run as somebody else kept it, after it was read and before it is kept here. Numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.telemetry.events import At, Histogram, LogLine, Mark, Pictures, Sounds, Status

NOWHERE = At(step=0, seconds=0.0)  # of what is told its own time when it is kept
LATEST = 253_402_214_400.0  # seconds since 1970: the last day that calendars here know; what is said of later ones is no time
Medium = Histogram | Pictures | Sounds | LogLine | Mark


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one run of others lies. ``which`` tells those of one file apart."""

    kind: str  # a key of core.records.catalog.readers
    path: Path  # a folder or a file
    which: str = ""
    bytes: int = 0  # to be read


@dataclass(frozen=True, kw_only=True)
class Points:
    """A figure over time: steps ascend and none is there twice."""

    steps: NDArray[np.int64]  # [n]
    values: NDArray[np.float64]  # [n]
    walls: NDArray[np.float64]  # [n] seconds since 1970; NaN where the record keeps no time

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something other than a figure, at a step. ``event`` is told its own time when it is kept."""

    step: int
    wall: float  # seconds since 1970; NaN: not known
    event: Medium


@dataclass(frozen=True, kw_only=True)
class ForeignRun:
    """What a record says of one run."""

    place: Place
    title: str  # what a person calls that kind of record: TensorBoard
    identity: str  # the same wherever the record lies and however it has grown
    name: str
    group: str = ""  # the project or experiment that it belongs to
    created: float = 0.0  # seconds since 1970
    status: Status = "finished"
    settings: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, Points] = field(default_factory=dict)
    moments: tuple[Moment, ...] = ()  # by step
    remarks: tuple[str, ...] = ()  # sentences: what was counted, resolved, left out

    @property
    def figures(self) -> int:
        """How many points all series have together."""
        return sum(len(points) for points in self.series.values())
