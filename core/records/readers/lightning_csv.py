"""What Lightning's CSVLogger keeps: ``metrics.csv`` with a row for each time something was logged, ``hparams.yaml`` beside it.

An empty cell is a figure that was not logged then. The file keeps no times.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.problems import Refused, refuse
from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats.yaml_files import mapping_in
from core.records.gathering import Gathering, flat
from core.records.reader import Reader, Tell

TABLE, SETTINGS = "metrics.csv", "hparams.yaml"
STEP = "step"
MOST_BYTES = 1 << 30


@readers.register("lightning_csv")
class LightningCSV(Reader):
    """A folder with ``metrics.csv``."""

    title = "Lightning CSV"
    by_place = True

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """One, where there is the table."""
        if TABLE not in names:
            return []
        return [Place(kind=cls.key, path=folder, bytes=(folder / TABLE).stat().st_size)]

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """Row by row; without a column of steps rows are counted."""
        table, settings = place.path / TABLE, place.path / SETTINGS
        if table.stat().st_size > MOST_BYTES:
            raise refuse(f"{table} is larger than {MOST_BYTES >> 30} GB.")
        gathered = Gathering()
        with table.open("r", encoding="utf-8-sig", errors="replace", newline="") as file:
            _take(gathered, file)
        tell(place.bytes)
        has_settings = settings.is_file() and not settings.is_symlink()
        told = _settings(gathered, settings) if has_settings else {}
        series = gathered.series()
        gathered.remark("This record keeps no times.")
        files = [table, *([settings] if has_settings else [])]
        return ForeignRun(
            place=place, title=cls.title, identity=str(place.path.absolute()), name=place.path.name,
            group=place.path.parent.name, created=min(path.stat().st_mtime for path in files),
            settings=flat(told), series=series, remarks=gathered.remarks(),
        )  # fmt: skip


def _settings(gathered: Gathering, path: Path) -> dict[str, object]:
    """What it was made with; where that cannot be read its figures are read all the same."""
    try:
        return mapping_in(path)
    except Refused as refused:
        gathered.remark(refused.problems[0].what)
        return {}


def _take(gathered: Gathering, file: io.TextIOBase) -> None:
    rows = _rows(gathered, file)
    head = next(rows, [])
    at = head.index(STEP) if STEP in head else -1
    if at < 0:
        gathered.remark("It has no column of steps: rows are counted.")
    for number, row in enumerate(rows):
        try:
            step = int(float(row[at])) if at >= 0 else number
        except (ValueError, IndexError, OverflowError):
            gathered.leave_out("rows without a step")
            continue
        for name, cell in zip(head, row):
            if cell and name != STEP:
                try:
                    gathered.figure(name, step, float(cell))
                except ValueError:
                    gathered.leave_out("cells that are no numbers")


def _rows(gathered: Gathering, file: io.TextIOBase) -> Iterator[list[str]]:
    """Row by row; one that holds a cell longer than a table may is counted, and the next is read."""
    rows = csv.reader(file)
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            gathered.leave_out("rows that are not as CSV is written")
