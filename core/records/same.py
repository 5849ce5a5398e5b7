"""Which run of the library a record is: by its own name, or, where it has none, by where it lies and by what it says.

A record that only its folder tells apart (Lightning's) is the same run where it lies in the same place, or where the place
it came from is gone and a folder of the same name says the same. What another training wrote into the same place is another run:
nothing of the one that is here is written over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select, update

from core.records.catalog import readers
from core.records.foreign import ForeignRun, Points
from core.records.saying import clean_series
from core.store.answers import IMPORTED
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.store.schema import run as run_table
from core.store.snapshots import KINDS, clean, data_of, text_of
from core.telemetry.events import LogLine, Mark


@dataclass(frozen=True, kw_only=True)
class Same:
    """The run that a record is here already (empty: none), put aside or not, and the digest that a new one gets."""

    uid: str
    digest: str


def digest_of(kind: str, identity: str) -> str:
    """Ten hexadecimal digits of an identity."""
    return hashlib.sha256(f"{kind}\0{identity}".encode("utf-8", "replace")).hexdigest()[:10]


def same_run(store: Store, found: ForeignRun) -> Same:
    """Look it up."""
    kind, identity = found.place.kind, found.identity
    if not readers[kind].by_place:
        digest = digest_of(kind, identity)
        return Same(uid=_with(store, digest), digest=digest)
    wanted = clean_series(found)
    for uid, folder in _candidates(store, found):
        here = folder == str(found.place.path)
        if (here or not Path(folder).exists()) and _says_the_same(store, uid, found, wanted, here):
            if not here:
                _lies_now(store, uid, found)
            return Same(uid=uid, digest=digest_of(kind, identity))
    digests = (digest_of(kind, f"{identity}#{number}" if number else identity) for number in range(1_000_000))
    return Same(uid="", digest=next(digest for digest in digests if not _with(store, digest)))


def kept_counts(reader: RunReader) -> dict[str, int]:
    """Points of every figure that is kept, by its name."""
    return {info.name: len(reader.points(info.name)[0]) for info in reader.series("scalar")}


def goes_on(reader: RunReader, found: ForeignRun, wanted: dict[str, Points], former: dict[str, int]) -> bool:
    """Whether all that is kept is the beginning of what the record says now."""
    for name, count in former.items():
        points = wanted.get(name)
        if points is None or count > len(points):
            return False
        steps, values = reader.points(name)
        if not np.array_equal(steps, points.steps[:count]):
            return False
        if not np.array_equal(values, points.values[:count], equal_nan=True):
            return False
    now = _moment_steps(found)
    for kind in set(KINDS.values()):
        for info in reader.series(kind):
            steps_here = reader.snapshot_steps(info.name)
            if now.get((kind, info.name), [])[: len(steps_here)] != steps_here:
                return False
    return True


def _moment_steps(found: ForeignRun) -> dict[tuple[str, str], list[int]]:
    steps: dict[tuple[str, str], list[int]] = {}
    for moment in found.moments:
        if not isinstance(moment.event, LogLine | Mark):
            steps.setdefault((KINDS[type(moment.event)], clean(moment.event.series)), []).append(moment.step)
    return steps


def _with(store: Store, digest: str) -> str:
    asked = select(run_table.c.uid).where(run_table.c.uid.like(f"%-{digest}"))
    with store.read() as connection:
        return str(connection.execute(asked).scalar() or "")


def _candidates(store: Store, found: ForeignRun) -> Iterator[tuple[str, str]]:
    """Runs of this kind out of folders of this name, with their folders; those from this very place first, the newest before others."""
    asked = select(run_table.c.uid, run_table.c.environment).where(run_table.c.place == IMPORTED)
    with store.read() as connection:
        rows = connection.execute(asked.order_by(run_table.c.id.desc())).all()
    here, name = str(found.place.path), found.place.path.name
    origins = [(row.uid, data_of(row.environment).get("origin") or {}) for row in rows]
    of_kind = [(uid, str(o.get("folder", ""))) for uid, o in origins if o.get("kind") == found.title]
    yield from sorted(
        ((uid, folder) for uid, folder in of_kind if Path(folder).name == name), key=lambda each: each[1] != here
    )


def _says_the_same(store: Store, uid: str, found: ForeignRun, wanted: dict[str, Points], here: bool) -> bool:
    """In another place it must say something, with the same settings."""
    library = Library(store)
    reader = library.reader(uid)
    former = kept_counts(reader)
    if not here and (not any(former.values()) or _plain(library.params(uid)) != _plain(dict(found.settings))):
        return False
    return goes_on(reader, found, wanted, former)


def _plain(settings: dict[str, object]) -> dict[str, object]:
    """As a store gives them back."""
    kept: dict[str, object] = json.loads(json.dumps(settings, default=str))
    return {clean(name): clean(value) if isinstance(value, str) else value for name, value in kept.items()}


def _lies_now(store: Store, uid: str, found: ForeignRun) -> None:
    """Its folder was moved: from now on it is known from there."""
    mine = run_table.c.uid == uid
    with store.write() as connection:
        kept = data_of(connection.execute(select(run_table.c.environment).where(mine)).scalar_one())
        kept["origin"] = {**kept["origin"], "folder": str(found.place.path)}
        connection.execute(update(run_table).where(mine).values(environment=text_of(kept)))
