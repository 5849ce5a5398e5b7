"""MLflow's SQLite file, which is its usual store since version 3: every run of it.

Its database knows no infinity: the largest float stands for it, and is taken for it here. NaN is told by a column.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from core.problems import refuse
from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats.sqlite_files import opened, places_in
from core.records.gathering import Gathering
from core.records.reader import Reader, Tell
from core.records.readers.mlflow_files import STATES, seconds_of, settings_of

WANTED = {
    "runs": {"run_uuid", "name", "status", "start_time", "lifecycle_stage", "experiment_id"},
    "metrics": {"key", "value", "timestamp", "run_uuid", "step", "is_nan"},
    "params": {"key", "value", "run_uuid"}, "tags": {"key", "value", "run_uuid"}, "experiments": {"experiment_id", "name"},
}  # fmt: skip
LARGEST = sys.float_info.max
ROWS_BETWEEN_TELLING = 20_000


@readers.register("mlflow_database")
class MLflowDatabase(Reader):
    """A file with MLflow's tables."""

    title = "MLflow"
    by_file = True

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """Every run that was not deleted."""
        return places_in(cls.key, folder, names, WANTED, _active)

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """One of them."""
        with opened(place.path) as connection:
            row = connection.execute("SELECT * FROM runs WHERE run_uuid = ?", (place.which,)).fetchone()
            if row is None:
                raise refuse(f"There is no run {place.which} in {place.path.name} any more.")
            group = connection.execute(
                "SELECT name FROM experiments WHERE experiment_id = ?", (row["experiment_id"],)
            ).fetchone()
            gathered = Gathering()
            _take_metrics(gathered, connection, place.which, tell)
            params = {str(key): str(value) for key, value in _pairs(connection, "params", place.which)}
            tags = {str(key): str(value) for key, value in _pairs(connection, "tags", place.which)}
        tell(place.bytes)
        series = gathered.series()
        return ForeignRun(
            place=place, title=cls.title, identity=place.which, name=str(row["name"] or tags.get("mlflow.runName") or place.which),
            group=str(group["name"]) if group is not None else "", created=seconds_of(row["start_time"]),
            status=STATES.get(str(row["status"]), "interrupted"), settings=settings_of(params, tags), series=series,
            remarks=gathered.remarks(),
        )  # fmt: skip


def _active(connection: sqlite3.Connection) -> list[str]:
    asked = "SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time, run_uuid"
    return [str(row[0]) for row in connection.execute(asked)]


def _pairs(connection: sqlite3.Connection, table: str, uid: str) -> list[sqlite3.Row]:
    return connection.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ? ORDER BY key", (uid,)).fetchall()


def _take_metrics(gathered: Gathering, connection: sqlite3.Connection, uid: str, tell: Tell) -> None:
    asked = "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY timestamp, rowid"
    for number, (key, value, milliseconds, step, is_nan) in enumerate(connection.execute(asked, (uid,))):
        if number % ROWS_BETWEEN_TELLING == 0:
            tell(0)
        try:
            gathered.figure(str(key), int(step), number_of(float(value), bool(is_nan)), seconds_of(milliseconds))
        except (ValueError, TypeError, OverflowError):
            gathered.leave_out("rows that are not as MLflow writes them")


def number_of(value: float, is_nan: bool) -> float:
    """What was logged."""
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) == LARGEST else value
