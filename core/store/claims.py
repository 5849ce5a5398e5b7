"""One run has one owner: whoever trains it claims it first, in one statement, with the identity of the process.

A claim is a word that nobody else knows. The parent of a child hands its claim on: it writes the child's number into the
row, and the child takes the run with the word. A claim ends with its run, or with its process.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select, update

from core.problems import Refused, refuse
from core.store.clock import store_now
from core.store.database import Store
from core.store.liveness import host_name, identity_of, is_alive, is_this_host, this_host, this_process
from core.store.schema import run
from core.store.snapshots import clean
from core.telemetry.events import ENDED

_held: set[str] = set()  # words of this process
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to train a run, until it is released."""

    store: Store
    uid: str
    word: str
    before: dict[str, Any] = field(default_factory=dict)  # the row's state, for a run that could not be begun

    def hand_to(self, number: int) -> None:
        """Write a child's identity into the row; it holds the word from now on."""
        with self.store.write() as connection:
            connection.execute(_mine(self).values(**identity(number)))
        _forget(self.word)

    def release(self) -> None:
        """The run has ended; another may claim it. A store that cannot be written now is no reason to fail."""
        _forget(self.word)
        with suppress(Refused, OSError), self.store.write() as connection:
            connection.execute(_mine(self).values(claim=""))

    def give_up(self, reason: str) -> None:
        """It ended before it could say so itself: the row says that it failed, and why."""
        _forget(self.word)
        told = {"status": "failed", "reason": clean(reason), "ended": store_now(), "phase": "", "done": 0, "of": 0}
        with suppress(Refused, OSError), self.store.write() as connection:
            connection.execute(_mine(self).values(claim="", revision=run.c.revision + 1, **told))

    def undo(self) -> None:
        """It was not begun after all: the row is as it was."""
        _forget(self.word)
        with suppress(Refused, OSError), self.store.write() as connection:
            connection.execute(_mine(self).values(claim="", revision=run.c.revision + 1, **self.before))


class NotOurs(Exception):
    """A run was taken over by another process: who recorded it writes no more. The text says who has it."""


def claim(store: Store, uid: str) -> Claim:
    """Claim a run for this process. Raises Refused, saying who owns it, where another does."""
    word = secrets.token_hex(8)
    values = {"claim": word, "status": "queued", "reason": "", "ended": None, "phase": "preparing", "done": 0, "of": 0}
    values |= {"position": None, **identity()}
    with store.write() as connection:  # alone: nobody else claims between the look and the statement
        row = connection.execute(_looked(uid)).first()
        if row is None:
            raise refuse(f"There is no run {uid!r} in {store.name}.")
        trains_elsewhere = row.status not in (*ENDED, "queued") and not is_here(row)
        if is_owned(row) and (row.claim or trains_elsewhere):
            raise owner_refusal(row)
        unchanged = (run.c.id == row.id) & (run.c.claim == row.claim) & (run.c.status == row.status)
        found = connection.execute(update(run).where(unchanged).values(revision=run.c.revision + 1, **values))
        if not found.rowcount:  # its recorder writes beside who looks: it ended, or came to life, at this very moment
            raise refuse(f"The run {uid} has just changed.", hint="Try again.")
        with _lock:
            _held.add(word)
    before = {"status": row.status, "reason": row.reason, "ended": row.ended, "position": row.position, "phase": ""}
    return Claim(store=store, uid=uid, word=word, before=before)


def take(store: Store, uid: str, word: str) -> Claim:
    """Take a run over with the word that its parent gave. Raises Refused where it is another's by now."""
    with store.write() as connection:
        mine = (run.c.uid == clean(uid)) & (run.c.claim == word)
        found = connection.execute(update(run).where(mine).values(**identity()))
        if not found.rowcount:
            raise refuse(f"The run {uid} was given to another process meanwhile.")
        with _lock:
            _held.add(word)
    return Claim(store=store, uid=uid, word=word)


def waits(row: Any) -> bool:
    """Whether a run stands in the queue: nobody's, whoever put it there, until somebody begins it."""
    return bool(row.position is not None and row.status == "queued" and not row.claim)


def is_owned(row: Any) -> bool:
    """Whether whoever stands in a run's row still trains it, or is about to."""
    if waits(row):
        return False
    if not row.claim and row.status in ENDED:
        return False
    if is_here(row) and row.claim:
        return row.claim in _held
    return is_alive(row.process, row.process_started, row.host, row.unheard)


def owner_refusal(row: Any) -> Refused:
    """Who owns a run, as a sentence."""
    hint = "Stop it there first."
    if is_here(row):
        return refuse(f"The run {row.uid} is trained by this process already.", hint=hint)
    if row.host and not is_this_host(row.host):
        where = host_name(row.host)
        return refuse(f"The run {row.uid} is trained by process {row.process} on {where} already.", hint=hint)
    return refuse(f"The run {row.uid} is trained by process {row.process} already.", hint=hint)


UNHEARD = (store_now() - run.c.heartbeat).label("unheard")  # seconds since the owner gave a sign of life
OWNER = (run.c.process, run.c.process_started, run.c.host, run.c.claim, UNHEARD, run.c.position)


def _looked(uid: str) -> Select[Any]:
    return select(run.c.id, run.c.uid, run.c.status, run.c.reason, run.c.ended, *OWNER).where(run.c.uid == clean(uid))


def is_here(row: Any) -> bool:
    """Whether this process stands in a run's row."""
    number, started = this_process()
    return bool(
        row.process == number and abs(row.process_started - started) < 1 and (not row.host or is_this_host(row.host))
    )


def identity(number: int | None = None) -> dict[str, Any]:
    """What a row keeps of a process: this one, or the one with that number."""
    process, started = this_process() if number is None else identity_of(number)
    return {"process": process, "process_started": started, "host": this_host(), "heartbeat": store_now()}


def _mine(held: Claim) -> Any:
    return update(run).where(run.c.uid == clean(held.uid), run.c.claim == held.word)


def _forget(word: str) -> None:
    with _lock:
        _held.discard(word)
