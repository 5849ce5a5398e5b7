"""Runs of others kept in a store: as runs like any other, told where they came from; once, and only what is new.

A run is recognised by its identity: the last part of its uid is the hash of it. While it is written it is put aside, so
that nobody sees half of one. Where its record was only gone on with, the new points are added; where it was changed, its
record here is written anew, and its name, tags and notes stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from core.problems import Problem, Refused
from core.records.foreign import ForeignRun, Moment, Place, Points
from core.records.looking import Found, Telling, Told, name_in, read
from core.records.same import digest_of, goes_on, kept_counts, same_run
from core.records.saying import clean_series, clock_of, events_of
from core.store.answers import IMPORTED
from core.store.curves import LEAST
from core.store.database import Store
from core.store.library import Library
from core.store.reader import RunReader
from core.store.schema import run as run_table
from core.store.snapshots import KINDS, clean
from core.store.writing import Writing
from core.telemetry.events import Event, LogLine, Mark, Scalars

EVENTS_AT_ONCE = 5000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What came of one run."""

    uid: str
    name: str
    what: str  # new, added, anew, known
    figures: int = 0  # that were written


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of all."""

    kept: tuple[Kept, ...]
    problems: tuple[Problem, ...] = ()

    def count(self, what: str) -> int:
        """How many runs were new, added to, written anew or known."""
        return sum(each.what == what for each in self.kept)


def bring(
    store: Store, places: Sequence[Place], root: Path,
    told: Told = lambda progress: None, stops: Callable[[], bool] = lambda: False,
) -> Imported:  # fmt: skip
    """Keep these runs. Raises Refused where the store cannot be written, Stopped where it is no longer wanted: whole runs stay."""
    telling = Telling(sum(place.bytes for place in places), told, stops)
    kept: list[Kept] = []
    problems: list[Problem] = []
    for place in places:
        try:
            found = read(place, telling)
        except Refused as refused:
            problems += refused.problems
            continue
        kept.append(keep(store, found, name_in(found, root), stop_at=lambda: telling(0)))
    return Imported(kept=tuple(kept), problems=tuple(problems))


def keep(store: Store, found: ForeignRun, name: str, stop_at: Callable[[], None] = lambda: None) -> Kept:
    """One run, new or gone on with."""
    library = Library(store)
    same = same_run(store, found)
    uid = same.uid
    if not uid:
        uid = _created(store, library, found, name, same.digest)
        written = _whole_or_not_at_all(store, uid, found, stop_at)
        return Kept(uid=uid, name=name, what="new", figures=written)
    reader, wanted = library.reader(uid), clean_series(found)
    former = kept_counts(reader)
    is_longer = goes_on(reader, found, wanted, former)
    if is_longer:
        later = {key: _after(points, former.get(key, 0)) for key, points in wanted.items()}
        events = list(events_of(replace(found, series=later, moments=_later_moments(reader, found)), found))
    else:
        events = list(events_of(found))
        stop_at()
        stop_at = _to_the_end  # what was here is gone once it begins
        Writing(store, _number(store, uid)).truncate_after(LEAST)
    hidden = _is_put_aside(store, uid)
    if is_longer and not events and not hidden:
        return Kept(uid=uid, name=library.facts(uid).name, what="known")
    library.add_params(uid, found.settings)
    written = _write(store, uid, found, events, stop_at)
    return Kept(uid=uid, name=library.facts(uid).name, what="added" if is_longer else "anew", figures=written)


def known_places(store: Store, found: Found) -> frozenset[int]:
    """Numbers of those found runs that the library has already."""
    asked = select(run_table.c.uid).where(run_table.c.place == IMPORTED, run_table.c.deleted.is_(None))
    with store.read() as connection:
        here = {str(uid).rpartition("-")[2] for uid in connection.execute(asked).scalars()}
    runs = enumerate(found.runs)
    return frozenset(number for number, each in runs if digest_of(each.place.kind, each.identity) in here)


def _to_the_end() -> None:
    """Nobody stops this."""


def _whole_or_not_at_all(store: Store, uid: str, found: ForeignRun, stop_at: Callable[[], None]) -> int:
    """A new run; where somebody stops, or it cannot be written, nothing of it stays. A killed one is gone on with the next time."""
    try:
        return _write(store, uid, found, list(events_of(found)), stop_at)
    except BaseException:  # Ctrl-C, too
        with suppress(Refused, OSError, SQLAlchemyError):  # what stopped it may stop this, too
            Library(store).purge(only=uid)
        raise


def _created(store: Store, library: Library, found: ForeignRun, name: str, digest: str) -> str:
    origin = {
        "kind": found.title,
        "folder": str(found.place.path),
        "which": found.place.which,
        "identity": found.identity,
    }
    facts = library.create_run(
        name, "", place=IMPORTED, environment={"origin": {**origin, "remarks": found.remarks}},
        params=found.settings, tags=(found.title,),
    )  # fmt: skip
    day = time.strftime("%y%m%d", time.gmtime(found.created))
    values = {
        "uid": f"{day}-{digest}", "created": found.created, "deleted": time.time(), "status": found.status,
        "document_name": clean(f"{found.title} · {found.group}" if found.group else found.title),
        "notes": clean(str(found.place.path)),
    }  # fmt: skip
    with store.write() as connection:
        connection.execute(update(run_table).where(run_table.c.id == facts.id).values(**values))
    return str(values["uid"])


def _write(store: Store, uid: str, found: ForeignRun, events: list[Event], stop_at: Callable[[], None]) -> int:
    """Say all of it, piece by piece; then the run is shown. Gives the number of figures."""
    writing, coming, figures = Writing(store, _number(store, uid)), iter(events), 0
    while some := list(islice(coming, EVENTS_AT_ONCE)):
        stop_at()
        writing.write(some)
        figures += sum(len(event.values) for event in some if isinstance(event, Scalars))
    steps, seconds = clock_of(found)
    end = {"step": int(steps[-1]), "seconds": float(seconds[-1])} if len(steps) else {"step": 0, "seconds": 0.0}
    values = {**end, "ended": found.created + end["seconds"], "deleted": None, "status": found.status}
    with store.write() as connection:
        mine = run_table.c.uid == uid
        connection.execute(update(run_table).where(mine).values(revision=run_table.c.revision + 1, **values))
    return figures


def _later_moments(reader: RunReader, found: ForeignRun) -> tuple[Moment, ...]:
    """Those that are not kept yet; texts, which have no series here, by how far the run had come."""
    kept = {
        (kind, info.name): max(reader.snapshot_steps(info.name))
        for kind in KINDS.values()
        for info in reader.series(kind)
    }
    head = reader.head().step

    def last(moment: Moment) -> int:
        event = moment.event
        return head if isinstance(event, LogLine | Mark) else kept.get((KINDS[type(event)], clean(event.series)), LEAST)

    return tuple(moment for moment in found.moments if moment.step > last(moment))


def _after(points: Points, count: int) -> Points:
    return Points(steps=points.steps[count:], values=points.values[count:], walls=points.walls[count:])


def _number(store: Store, uid: str) -> int:
    with store.read() as connection:
        return int(connection.execute(select(run_table.c.id).where(run_table.c.uid == uid)).scalar_one())


def _is_put_aside(store: Store, uid: str) -> bool:
    with store.read() as connection:
        return connection.execute(select(run_table.c.deleted).where(run_table.c.uid == uid)).scalar() is not None
