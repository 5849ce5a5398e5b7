"""Runs carried from one store to another, with all they said and the pictures and sounds that they made.

Rows are copied table by table with new numbers; a run that is there already, by its uid, is left alone. Checkpoints stay
where they are: they are large, and their folder can be moved as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from core.problems import refuse
from core.store import schema
from core.store.database import Store
from core.store.media import MediaFolder, names_of_runs
from core.store.writing import inserted_id

OF_RUNS = (schema.param, schema.tag, schema.exhibit, schema.mark, schema.log, schema.checkpoint)
OF_SERIES = (schema.chunk, schema.tail)
HERE_ONLY = {"process": 0, "process_started": 0.0, "heartbeat": 0.0, "claim": "", "host": "", "position": None}
ROWS_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What came of it."""

    uids: tuple[str, ...]  # now in the other store
    known: tuple[str, ...] = ()  # were there already
    files: int = 0
    missing: tuple[str, ...] = ()  # files that were not whole where they came from


def carry(source: Store, target: Store, uids: Sequence[str]) -> Carried:
    """Copy ended runs into another store. Raises Refused where one is not there, trains now, or nothing can be written."""
    with source.read() as reading:
        rows = [_run_row(source, reading, uid) for uid in uids]
        with target.read() as looking:
            known = set(looking.execute(select(schema.run.c.uid).where(schema.run.c.uid.in_(uids))).scalars())
        new = [row for row in rows if row["uid"] not in known]
        names = names_of_runs(reading, [row["id"] for row in new])
        folder = MediaFolder(target.media_folder)
        announced = folder.announce(names) if names else None
        missing = folder.bring(MediaFolder(source.media_folder), names)
        with target.write() as writing:
            for row in new:
                _carry_run(reading, writing, row)
        if announced is not None:
            announced.unlink(missing_ok=True)
    return Carried(
        uids=tuple(row["uid"] for row in new), known=tuple(sorted(known)), files=len(names) - len(missing),
        missing=tuple(missing),
    )  # fmt: skip


def _run_row(source: Store, reading: Connection, uid: str) -> dict[str, Any]:
    found = reading.execute(select(schema.run).where(schema.run.c.uid == uid)).first()
    if found is None:
        raise refuse(f"There is no run {uid!r} in {source.path.name}.")
    if found.claim or found.status in ("running", "paused"):
        raise refuse(f"The run {uid} trains now.", hint="Wait until it has ended, or stop it.")
    return dict(found._mapping)


def _carry_run(reading: Connection, writing: Connection, row: Mapping[str, Any]) -> None:
    run_id = inserted_id(writing, schema.run, {**_without_id(row), **HERE_ONLY})
    for table in OF_RUNS:
        _carry_rows(reading, writing, table, "run_id", row["id"], run_id)
    for line in reading.execute(select(schema.series).where(schema.series.c.run_id == row["id"])).all():
        series_id = inserted_id(writing, schema.series, {**_without_id(line._mapping), "run_id": run_id})
        for table in OF_SERIES:
            _carry_rows(reading, writing, table, "series_id", line.id, series_id)
        for shot in reading.execute(select(schema.snapshot).where(schema.snapshot.c.series_id == line.id)):
            shot_id = inserted_id(writing, schema.snapshot, {**_without_id(shot._mapping), "series_id": series_id})
            _carry_rows(reading, writing, schema.media, "snapshot_id", shot.id, shot_id)


def _carry_rows(reading: Connection, writing: Connection, table: Table, owner: str, old: int, new: int) -> None:
    found = reading.execute(select(table).where(table.c[owner] == old).order_by(*table.primary_key))
    for some in found.partitions(ROWS_AT_ONCE):
        writing.execute(insert(table), [{**_without_id(each._mapping), owner: new} for each in some])


def _without_id(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items() if name != "id"}


def export_record(source: Store, uids: Sequence[str], path: Path) -> Carried:
    """A new store of these runs alone. Raises Refused where the file is there already."""
    if path.exists():
        raise refuse(f"{path} is there already.", hint="Name a new file with -o.")
    with Store.open(path) as target:
        return carry(source, target, uids)
