"""Runs as CSV. A cell that a spreadsheet would take for a formula gets an apostrophe before it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.problems import refuse
from core.store.answers import RunFacts
from core.store.records import Records

FORMULA = ("=", "+", "-", "@", "\t", "\r")
POINTS = ("run", "uid", "series", "step", "seconds", "epoch", "samples", "value")


def export_points(library: Records, uids: Sequence[str], path: Path, series: Sequence[str] | None) -> int:
    """Every point of scalar series. Raises Refused where the file cannot be written."""
    return _write(path, POINTS, _points(library, uids, series))


def export_runs(library: Records, runs: Sequence[RunFacts], path: Path) -> int:
    """A row a run; columns for every parameter and every last and best value. Raises Refused."""
    params = {facts.uid: library.params(facts.uid) for facts in runs}
    names = sorted({name for own in params.values() for name in own})
    values = sorted({name for facts in runs for name in facts.last})
    head = ["name", "uid", "status", "created", "seconds", "step", "steps", "seed", "document", "tags", "notes"]
    head += [*names, *(f"last {name}" for name in values), *(f"best {name}" for name in values)]
    rows = (_run(facts, params[facts.uid], names, values) for facts in runs)
    return _write(path, head, rows)


def cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula. Numbers stay numbers."""
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _points(library: Records, uids: Sequence[str], series: Sequence[str] | None) -> Iterable[Sequence[Any]]:
    for uid in uids:
        reader, name = library.reader(uid), library.facts(uid).name
        for one in [info.name for info in reader.series("scalar") if series is None or info.name in series]:
            steps, values = reader.points(one)
            axes = [reader.along(steps, axis).tolist() for axis in ("seconds", "epoch", "samples")]
            for step, seconds, epoch, samples, value in zip(steps.tolist(), *axes, values.tolist()):
                yield name, uid, one, step, seconds, epoch, samples, value


def _run(facts: RunFacts, params: dict[str, Any], names: Sequence[str], values: Sequence[str]) -> list[Any]:
    created = datetime.fromtimestamp(facts.created, UTC).isoformat(timespec="seconds")
    return [
        facts.name, facts.uid, facts.status, created, facts.seconds, facts.step, facts.steps, facts.seed,
        facts.document_name, " ".join(facts.tags), facts.notes, *(params.get(name) for name in names),
        *(facts.last.get(name) for name in values), *(facts.best.get(name) for name in values),
    ]  # fmt: skip


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([cell(name) for name in head])
            for row in rows:
                writer.writerow([cell(value) for value in row])
                count += 1
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise refuse(f"{path} cannot be written: {error.strerror or error}.", hint="Save it elsewhere.") from error
    return count
