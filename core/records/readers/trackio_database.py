"""trackio's SQLite file, one for each project: every run of it, with its configuration, histograms, images and alerts."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats.sqlite_files import opened, places_in, tables
from core.records.gathering import NO_SETTINGS, Gathering, flat
from core.records.logged_values import finder, parsed, take_values
from core.records.media import text_event
from core.records.reader import Reader, Tell

WANTED = {"metrics": {"timestamp", "run_name", "step", "metrics"}}
ROWS_BETWEEN_TELLING = 5000


@readers.register("trackio")
class Trackio(Reader):
    """A file with trackio's tables; before runs had ids, their names told them apart."""

    title = "trackio"
    by_file = True

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """Every run of every project."""
        return places_in(cls.key, folder, names, WANTED, _runs)

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """One of them."""
        gathered = Gathering()
        with opened(place.path) as connection:
            by = _told_by(connection)
            name, first = _take_rows(gathered, connection, by, place, tell)
            config = _config(gathered, connection, by, place.which)
            _take_others(gathered, connection, by, place.which)
        tell(place.bytes)
        created = _seconds(str(config.get("_Created", "")))
        settings = flat({key: value for key, value in config.items() if not key.startswith("_")})
        series = gathered.series()
        return ForeignRun(
            place=place, title=cls.title, identity=f"{place.path.stem}/{place.which}", name=name, group=place.path.stem,
            created=created if math.isfinite(created) and created <= first else first, settings=settings, series=series,
            moments=gathered.moments(), remarks=gathered.remarks(),
        )  # fmt: skip


def _runs(connection: sqlite3.Connection) -> list[str]:
    by = _told_by(connection)
    return [str(row[0]) for row in connection.execute(f"SELECT DISTINCT {by} FROM metrics ORDER BY 1")]


def _told_by(connection: sqlite3.Connection) -> str:
    return "run_id" if "run_id" in tables(connection)["metrics"] else "run_name"


def _take_rows(
    gathered: Gathering, connection: sqlite3.Connection, by: str, place: Place, tell: Tell
) -> tuple[str, float]:  # fmt: skip
    """Every row, as it was written; gives the run's name and when it began."""
    name, first = place.which, math.inf
    find = finder(place.path.parent / "media")
    rows = connection.execute(
        f"SELECT run_name, timestamp, step, metrics FROM metrics WHERE {by} = ? ORDER BY rowid", (place.which,)
    )
    for number, row in enumerate(rows):
        if number % ROWS_BETWEEN_TELLING == 0:
            tell(0)
        wall = _seconds(str(row["timestamp"]))
        name, first = str(row["run_name"]), min(first, wall if math.isfinite(wall) else first)
        try:
            values = parsed(row["metrics"])
            take_values(gathered, values if isinstance(values, dict) else {}, int(row["step"]), wall, find)
        except (ValueError, TypeError, KeyError):
            gathered.leave_out("rows that are not as trackio writes them")
    return name, first if math.isfinite(first) else place.path.stat().st_mtime


def _config(gathered: Gathering, connection: sqlite3.Connection, by: str, run: str) -> dict[str, Any]:
    if by not in tables(connection).get("configs", set()):
        return {}
    row = connection.execute(f"SELECT config FROM configs WHERE {by} = ?", (run,)).fetchone()
    try:
        found = parsed(row[0]) if row is not None else {}
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, dict):
        gathered.remark(NO_SETTINGS)
        return {}
    return found


def _take_others(gathered: Gathering, connection: sqlite3.Connection, by: str, run: str) -> None:
    """Alerts are lines of the log; readings of devices have no steps and are counted."""
    known = tables(connection)
    if {by, "title", "text", "step", "timestamp"} <= known.get("alerts", set()):
        rows = connection.execute(
            f"SELECT title, text, step, timestamp FROM alerts WHERE {by} = ? ORDER BY rowid", (run,)
        )
        for row in rows:
            said = f"{row['title']}: {row['text'] or ''}".encode("utf-8", "replace")
            try:
                step = int(row["step"] or 0)
            except (ValueError, TypeError):
                gathered.leave_out("rows that are not as trackio writes them")
                continue
            text_event(gathered, "alert", step, _seconds(str(row["timestamp"])), (said,))
    if by in known.get("system_metrics", set()):
        count = connection.execute(f"SELECT count(*) FROM system_metrics WHERE {by} = ?", (run,)).fetchone()[0]
        if count:
            gathered.leave_out("readings of the machine, which have no steps", int(count))


def _seconds(text: str) -> float:
    """Since 1970, of an ISO date; NaN where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return math.nan
