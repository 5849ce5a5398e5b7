"""One run of a folder, read."""

from __future__ import annotations

from pathlib import Path

from core.records.foreign import ForeignRun
from core.records.looking import places_in, read


def runs_in(folder: Path) -> list[ForeignRun]:
    places, problems = places_in(folder)
    assert [problem for problem in problems if problem.severity == "error"] == []
    return [read(place, lambda bytes_: None) for place in places]


def only_run(folder: Path) -> ForeignRun:
    (run,) = runs_in(folder)
    return run


def said(run: ForeignRun, name: str) -> list[tuple[int, float]]:
    points = run.series[name]
    return list(zip(points.steps.tolist(), points.values.tolist()))
