"""Runs that wait for others to end: in the store, so that the queue outlives the window and every window sees the same.

Whoever looks after the queue claims the first of them (:mod:`core.store.claims`), which takes it out.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from core.problems import refuse
from core.store.answers import RunFacts
from core.store.database import Store
from core.store.facts import facts_of
from core.store.schema import run
from core.store.snapshots import clean

_WAITS = run.c.position.is_not(None) & (run.c.status == "queued") & (run.c.claim == "") & run.c.deleted.is_(None)


def waiting(store: Store) -> list[RunFacts]:
    """Every run of the queue, the next one first."""
    with store.read() as connection:
        return facts_of(connection, _ids(connection))


def last_position(connection: Connection) -> float:
    """Behind all that wait."""
    found = connection.execute(select(func.max(run.c.position)).where(_WAITS)).scalar()
    return 1.0 if found is None else float(found) + 1.0


def move(store: Store, uid: str, by: int) -> None:
    """So many places later (negative: earlier). Raises Refused where the run does not wait."""
    with store.write() as connection:
        ids = _ids(connection)
        own = connection.execute(select(run.c.id).where(run.c.uid == clean(uid))).scalar()
        if own not in ids:
            raise refuse(f"The run {uid} does not wait in the queue.")
        place = min(max(ids.index(own) + by, 0), len(ids) - 1)
        ids.remove(own)
        ids.insert(place, own)
        for number, each in enumerate(ids, 1):
            values = {"position": float(number), "revision": run.c.revision + 1}
            connection.execute(update(run).where(run.c.id == each).values(**values))


def give_up(store: Store, uid: str, reason: str) -> None:
    """Out of the queue, failed: it cannot be begun. One that somebody has begun meanwhile is left alone."""
    values = {"position": None, "status": "failed", "reason": clean(reason), "revision": run.c.revision + 1}
    with store.write() as connection:
        connection.execute(update(run).where(_WAITS, run.c.uid == clean(uid)).values(**values))


def _ids(connection: Connection) -> list[int]:
    asked = select(run.c.id).where(_WAITS).order_by(run.c.position, run.c.id)
    return [int(number) for number in connection.execute(asked).scalars()]
