"""Rows of the library with their tags, last and best values."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from core.store.answers import RunFacts
from core.store.claims import UNHEARD, is_owned, waits
from core.store.points import number
from core.store.schema import run, series, tag
from core.telemetry.events import ENDED

MOST_NUMBERS = 500  # in one statement
_COLUMNS = [*(column for column in run.c if column.name not in ("document_text", "environment")), UNHEARD]


def facts_of(connection: Connection, ids: Sequence[int]) -> list[RunFacts]:
    """Facts of runs, in the order of the numbers; a purged run is left out."""
    found: dict[int, RunFacts] = {}
    for start in range(0, len(ids), MOST_NUMBERS):
        for facts in _some(connection, ids[start : start + MOST_NUMBERS]):
            found[facts.id] = facts
    return [found[one] for one in ids if one in found]


def _some(connection: Connection, ids: Sequence[int]) -> list[RunFacts]:
    tags: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(select(tag).where(tag.c.run_id.in_(ids)).order_by(tag.c.tag)):
        tags[row.run_id].append(row.tag)
    last: dict[int, dict[str, float]] = defaultdict(dict)
    best: dict[int, dict[str, float]] = defaultdict(dict)
    figures = select(series.c.run_id, series.c.name, series.c.last, series.c.best).where(
        series.c.run_id.in_(ids), series.c.kind == "scalar", series.c.size > 0
    )
    for number_of_run, name, last_value, best_value in connection.execute(figures):
        last[number_of_run][name] = number(last_value)
        best[number_of_run][name] = _best(best_value)
    return [
        RunFacts(
            id=row.id, uid=row.uid, name=row.name, status=_status(row), reason=row.reason, created=row.created,
            seconds=row.seconds, step=row.step, steps=row.steps, seed=row.seed, place=row.place, parent=row.parent,
            parent_step=row.parent_step, document_id=row.document_id, document_name=row.document_name,
            tags=tuple(tags[row.id]), notes=row.notes, last=last[row.id], best=best[row.id],
            deleted=row.deleted is not None, phase=row.phase, done=row.done, of=row.of, position=row.position,
        )
        for row in connection.execute(select(*_COLUMNS).where(run.c.id.in_(ids)))
    ]  # fmt: skip


def _status(row: Any) -> str:
    """A run whose process is gone is interrupted, also where the store cannot be written to say so."""
    return str(row.status) if row.status in ENDED or waits(row) or is_owned(row) else "interrupted"


def _best(value: float | None) -> float:
    """A best value; one that is not finite is none (NaN)."""
    found = number(value)
    return found if math.isfinite(found) else math.nan
