"""The runs of a store as they were last read: only what has changed since is read again, so many runs cost little.

Every write of a run makes its revision grow, so one light look tells which rows are new. A look reads a bounded number of
runs, the newest first; :attr:`Shelf.is_whole` says whether another look has more. It may be used from several threads.
"""

from __future__ import annotations

from threading import Lock

from sqlalchemy import select

from core.store.answers import RunFacts
from core.store.database import Store
from core.store.facts import facts_of
from core.store.schema import run
from core.telemetry.events import ENDED

MOST = 2000  # runs read in one look


class Shelf:
    """Every run that is not put aside, newest first; unchanged ones are the very same objects from look to look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._known: dict[int, tuple[int, RunFacts]] = {}  # id -> revision and facts
        self.is_whole = False

    def look(self, most: int = MOST) -> list[RunFacts]:
        """What is known after reading at most so many changed runs. Raises Refused where the store cannot be read."""
        with self._lock:
            return self._look(most)

    def _look(self, most: int) -> list[RunFacts]:
        light = select(run.c.id, run.c.revision, run.c.status).where(run.c.deleted.is_(None))
        with self._store.read() as connection:
            rows = connection.execute(light).all()
            changed = [row.id for row in rows if self._is_due(row.id, row.revision, row.status)]
            chosen = sorted(changed, reverse=True)[:most]
            fresh = facts_of(connection, chosen)
        revisions = {row.id: row.revision for row in rows}
        self._known = {number: known for number, known in self._known.items() if number in revisions}
        self._known.update({facts.id: (revisions[facts.id], self._same(facts)) for facts in fresh})
        self.is_whole = len(chosen) == len(changed)
        return sorted(
            (facts for _, facts in sorted(self._known.values(), key=lambda known: known[1].id)),
            key=lambda facts: facts.created,
            reverse=True,
        )

    def _is_due(self, number: int, revision: int, status: str) -> bool:
        """Whether a run is unread or has changed; of one that has not ended the owner may be gone, whatever its row says."""
        known = self._known.get(number)
        return known is None or known[0] != revision or status not in ENDED

    def _same(self, facts: RunFacts) -> RunFacts:
        """The object that is known already where nothing differs."""
        known = self._known.get(facts.id)
        return known[1] if known is not None and known[1] == facts else facts
