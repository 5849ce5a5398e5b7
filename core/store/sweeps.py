"""Sweeps and their trials in a store: made, queued, claimed, settled. Nothing runs twice, whoever runs it.

A trial is claimed in one transaction, so two processes never get the same one. A claim names its process and machine;
where that is dead, or was not heard of for two minutes, and its run's too, the trial goes back to the queue with its run,
which goes on from its checkpoint.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from core.problems import refuse
from core.store.answers import SweepFacts, TrialFacts
from core.store.claims import UNHEARD
from core.store.clock import store_now
from core.store.database import Store
from core.store.liveness import is_alive, this_host, this_process
from core.store.schema import run, sweep, trial
from core.store.snapshots import clean, text_of
from core.store.writing import inserted_id
from core.telemetry.events import ENDED

NOBODY: dict[str, Any] = {"process": 0, "process_started": 0.0, "host": "", "heartbeat": 0.0}
WORKER = "worker"  # the place of a sweep whose trials are taken by whoever works, on any machine
_WANTED = ("queued", "running")
_QUIET = (store_now() - trial.c.heartbeat).label("quiet")  # seconds since who works on a trial gave a sign of life
_SWEEP = (sweep, (store_now() - sweep.c.heartbeat).label("quiet"))
_TRIAL = (*trial.c, _QUIET, run.c.uid.label("run"), run.c.step, run.c.steps, run.c.status)


class Sweeps:
    """Every sweep of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # Making and finding

    def create(
        self, name: str, document_text: str, configurations: Sequence[str], seeds: Sequence[int], *, document_id: str = "",
        continue_on_error: bool = True, place: str = "thread", failed: Mapping[str, str] | None = None,
    ) -> SweepFacts:  # fmt: skip
        """A new sweep, queued, with a trial for every configuration (JSON) and seed: all seeds of a configuration before the next.

        ``failed``: configurations of which it is known already why they cannot be trained.
        """
        uid = f"{time.strftime('%y%m%d', time.gmtime())}-{secrets.token_hex(5)}"
        with self.store.write() as connection:
            last = connection.execute(select(func.max(sweep.c.position))).scalar() or 0.0
            row = {
                "uid": uid, "name": clean(name), "created": time.time(), "document_id": clean(document_id),
                "document_text": clean(document_text), "continue_on_error": int(continue_on_error), "place": place,
                "position": last + 1,
            }  # fmt: skip
            sweep_id = inserted_id(connection, sweep, row)
            _put_trials(connection, sweep_id, 0, configurations, seeds, failed or {})
        return self.facts(uid)

    def add_configurations(self, uid: str, known: int, configurations: Sequence[str], seeds: Sequence[int]) -> bool:
        """Queue further configurations; False where another process has added some since there were ``known`` trials."""
        with self.store.write() as connection:
            sweep_id = _id(connection, uid)
            there = connection.execute(select(func.count()).where(trial.c.sweep_id == sweep_id)).scalar_one()
            if there != known:
                return False
            _put_trials(connection, sweep_id, there, configurations, seeds, {})
            _touch(connection, sweep_id)
        return True

    def all(self) -> list[SweepFacts]:
        """Every sweep that was not put aside, in the order of the queue."""
        with self.store.read() as connection:
            rows = connection.execute(select(*_SWEEP).where(sweep.c.deleted.is_(None)).order_by(sweep.c.position)).all()
            return _facts(connection, rows)

    def facts(self, uid: str) -> SweepFacts:
        """One sweep. Raises Refused where there is none."""
        with self.store.read() as connection:
            return _facts(connection, [_row(connection, uid)])[0]

    def find(self, wanted: str) -> SweepFacts:
        """The sweep with this uid, the beginning of one, or this name (the newest). Raises Refused."""
        found = [one for one in self.all() if wanted and (one.uid.startswith(wanted) or one.name == wanted)]
        if not found:
            raise refuse(
                f"There is no sweep {wanted!r} in {self.store.name}.", hint="python -m studio sweeps lists them."
            )
        return max(found, key=lambda one: one.id)

    def of_document(self, document_text: str) -> SweepFacts | None:
        """The newest sweep that was started with exactly this document."""
        asked = select(*_SWEEP).where(sweep.c.document_text == clean(document_text), sweep.c.deleted.is_(None))
        with self.store.read() as connection:
            row = connection.execute(asked.order_by(sweep.c.id.desc())).first()
            return _facts(connection, [row])[0] if row is not None else None

    def document_text(self, uid: str) -> str:
        """The document, with its plan of the sweep."""
        with self.store.read() as connection:
            return str(_row(connection, uid).document_text)

    def trials(self, uid: str) -> list[TrialFacts]:
        """Every trial: those that wait in the order of the queue, after those that began."""
        with self.store.read() as connection:
            asked = select(*_TRIAL).select_from(trial.outerjoin(run, trial.c.run_id == run.c.id))
            rows = connection.execute(asked.where(trial.c.sweep_id == _id(connection, uid)).order_by(trial.c.position))
            return [_trial(row) for row in rows]

    def trial_of_run(self, run_uid: str) -> tuple[str, int] | None:
        """The sweep and number of the trial that a run belongs to."""
        asked = select(sweep.c.uid, trial.c.number).select_from(trial.join(sweep).join(run, trial.c.run_id == run.c.id))
        with self.store.read() as connection:
            row = connection.execute(asked.where(run.c.uid == clean(run_uid))).first()
        return (row.uid, row.number) if row is not None else None

    # Running

    def claim(self, uid: str) -> TrialFacts | None:
        """The next trial, now the calling process's; None where the sweep is paused or nothing waits."""
        mine = {"state": "running", "reason": "", **_me()}
        with self.store.write() as connection:
            row = _row(connection, uid)
            if row.state != "running":
                return None
            waiting = (trial.c.sweep_id == row.id) & (trial.c.state == "queued")
            first = connection.execute(select(trial.c.id).where(waiting).order_by(trial.c.position).limit(1)).scalar()
            if first is None:
                return None
            connection.execute(update(trial).where(trial.c.id == first).values(**mine))
            _touch(connection, row.id, **_me())
            asked = select(*_TRIAL).select_from(trial.outerjoin(run, trial.c.run_id == run.c.id))
            return _trial(connection.execute(asked.where(trial.c.id == first)).one())

    def attach(self, uid: str, number: int, run_uid: str) -> None:
        """The run that carries a trial out. Raises Refused where the trial is another's by now."""
        with self.store.write() as connection:
            run_id = connection.execute(select(run.c.id).where(run.c.uid == clean(run_uid))).scalar_one()
            if not _change(connection, uid, [number], _mine()(trial), run_id=run_id):
                raise refuse(f"Trial {number} was given to another process meanwhile.")

    def finish(self, uid: str, number: int, value: float, figures: Mapping[str, float], *, told: str = "") -> None:
        """A trial of the calling process has its value, and what is ``told`` of it; one given to another meanwhile is left alone."""
        kept = {name: float(one) for name, one in figures.items() if math.isfinite(one)}
        values = {"state": "finished", "value": value, "figures": text_of(kept), "reason": clean(told), **NOBODY}
        with self.store.write() as connection:
            _change(connection, uid, [number], _mine()(trial), **values)

    def fail(self, uid: str, number: int, reason: str) -> None:
        """A trial of the calling process went wrong; without "continue on error" the sweep pauses."""
        with self.store.write() as connection:
            found = _change(connection, uid, [number], _mine()(trial), state="failed", reason=clean(reason), **NOBODY)
            row = _row(connection, uid)
            if found and not row.continue_on_error and row.state == "running":
                _touch(connection, row.id, state="paused")

    def requeue(self, uid: str, numbers: Iterable[int]) -> None:
        """Trials that failed or were skipped, and those of the calling process, wait again; a run that was begun goes on."""
        which = trial.c.state.in_(("failed", "skipped")) | ((trial.c.state == "running") & _mine()(trial))
        with self.store.write() as connection:
            _change(connection, uid, numbers, which, state="queued", value=None, reason="", **NOBODY)
            row = _row(connection, uid)
            if row.state == "finished":
                _touch(connection, row.id, state="paused")

    def skip(self, uid: str, numbers: Iterable[int]) -> None:
        """Trials that wait are not run; :meth:`requeue` takes it back."""
        with self.store.write() as connection:
            _change(connection, uid, numbers, trial.c.state == "queued", state="skipped", reason="")

    def set_state(self, uid: str, state: str) -> None:
        """queued, running, paused or finished. A paused sweep's running trial is trained to its end."""
        with self.store.write() as connection:
            _touch(connection, _id(connection, uid), state=state)

    def begin(self, uid: str) -> None:
        """The calling process runs the sweep from now on."""
        with self.store.write() as connection:
            _touch(connection, _id(connection, uid), state="running", **_me())

    def begin_as_worker(self, uid: str) -> None:
        """A sweep that waits is the workers' from now on: where all of them are gone it waits for the next."""
        with self.store.write() as connection:
            row = _row(connection, uid)
            if row.state == "queued":
                _touch(connection, row.id, state="running", place=WORKER, **_me())

    def beat(self, uid: str, number: int | None = None) -> None:
        """A sign of life of who carries a sweep out, and works on one of its trials: other machines know him by that only."""
        owner, me = {"heartbeat": store_now()}, _mine()
        with self.store.write(alone=False) as connection:
            connection.execute(update(sweep).where(sweep.c.uid == clean(uid), me(sweep)).values(**owner))
            if number is not None:
                of = trial.c.sweep_id == select(sweep.c.id).where(sweep.c.uid == clean(uid)).scalar_subquery()
                connection.execute(update(trial).where(of, trial.c.number == number, me(trial)).values(**owner))

    def leave(self, uid: str) -> None:
        """The calling process carries a sweep out no more; one of workers waits where none is left."""
        with self.store.write() as connection:
            connection.execute(update(sweep).where(sweep.c.uid == clean(uid), _mine()(sweep)).values(**NOBODY))
        self.mark_interrupted()

    def for_workers(self) -> list[SweepFacts]:
        """Sweeps whose trials a worker may take: those that wait or are carried out, in the order of the queue."""
        return [one for one in self.all() if one.state == "queued" or (one.state == "running" and one.alive)]

    def end(self, uid: str) -> str:
        """Finished where nothing waits or runs; gives the state."""
        with self.store.write() as connection:
            row = _row(connection, uid)
            left = _left(connection, row.id)
            state = "finished" if not left and row.state == "running" else str(row.state)
            _touch(connection, row.id, state=state, **NOBODY)
        return state

    def finish_where_done(self, uid: str) -> None:
        """A sweep that is carried out and of which nothing waits or runs is finished."""
        with self.store.write() as connection:
            row = _row(connection, uid)
            if row.state == "running" and not _left(connection, row.id):
                _touch(connection, row.id, state="finished", **NOBODY)

    def set_continue_on_error(self, uid: str, on: bool) -> None:
        """Whether the sweep goes on where a trial fails."""
        with self.store.write() as connection:
            _touch(connection, _id(connection, uid), continue_on_error=int(on))

    def move(self, uid: str, number: int, by: int) -> None:
        """A waiting trial earlier (-1) or later (+1) in the queue; at its ends nothing happens."""
        with self.store.write() as connection:
            sweep_id = _id(connection, uid)
            waiting = select(trial.c.number).where(trial.c.sweep_id == sweep_id, trial.c.state == "queued")
            order = list(connection.execute(waiting.order_by(trial.c.position)).scalars())
            if number in order:
                at = order.index(number)
                order.insert(max(0, min(len(order) - 1, at + by)), order.pop(at))
                _reorder(connection, sweep_id, order)

    def move_sweep(self, uid: str, by: int) -> None:
        """A sweep earlier (-1) or later (+1) among those of the store."""
        with self.store.write() as connection:
            rows = connection.execute(
                select(sweep.c.id, sweep.c.uid, sweep.c.position).order_by(sweep.c.position)
            ).all()
            uids, places = [row.uid for row in rows], [row.position for row in rows]
            at = uids.index(_row(connection, uid).uid)
            uids.insert(max(0, min(len(uids) - 1, at + by)), uids.pop(at))
            for one, place in zip(uids, places, strict=True):
                connection.execute(update(sweep).where(sweep.c.uid == one).values(position=place))
                _touch(connection, _id(connection, one))

    def delete(self, uid: str) -> None:
        """Put a sweep aside; its runs stay in the library."""
        with self.store.write() as connection:
            _touch(connection, _id(connection, uid), deleted=time.time(), state="paused")

    # After a crash

    def orphans(self, uid: str) -> tuple[list[TrialFacts], list[TrialFacts]]:
        """Trials that are said to run though who claimed them is gone: those nobody works on, those a child still trains."""
        owners = [
            run.c.process.label("child"),
            run.c.process_started.label("child_started"),
            run.c.host.label("child_host"),
        ]
        columns = [*_TRIAL, *owners, UNHEARD]
        with self.store.read() as connection:
            asked = select(*columns).select_from(trial.outerjoin(run, trial.c.run_id == run.c.id))
            asked = asked.where(trial.c.sweep_id == _id(connection, uid), trial.c.state == "running")
            rows = connection.execute(asked.order_by(trial.c.position)).all()
        lost = [row for row in rows if not _lives(row)]
        return [_trial(row) for row in lost if not _is_trained(row)], [_trial(row) for row in lost if _is_trained(row)]

    def take_over(self, uid: str, number: int) -> bool:
        """A trial whose owner is gone is the calling process's, to settle it; False where another was quicker."""
        with self.store.write() as connection:
            asked = select(*_TRIAL).select_from(trial.outerjoin(run, trial.c.run_id == run.c.id))
            mine = (trial.c.sweep_id == _id(connection, uid)) & (trial.c.number == number)
            row = connection.execute(asked.where(mine)).one()
            if row.state != "running" or _lives(row):
                return False
            return bool(_change(connection, uid, [number], trial.c.state == "running", **_me()))

    def mark_interrupted(self) -> list[SweepFacts]:
        """Sweeps that are said to run but whose processes are gone are paused; gives them. Those of workers wait again."""
        gone = [one for one in self.all() if one.state == "running" and not one.alive]
        if gone:
            with self.store.write() as connection:
                for one in _facts(connection, [_row(connection, one.uid) for one in gone]):
                    if one.state == "running" and not one.alive:
                        state = "queued" if one.place == WORKER else "paused"
                        _touch(connection, one.id, state=state, **NOBODY)
        return [one for one in gone if one.place != WORKER]


def _left(connection: Connection, sweep_id: int) -> int:
    wanted = (trial.c.sweep_id == sweep_id) & trial.c.state.in_(_WANTED)
    return int(connection.execute(select(func.count()).where(wanted)).scalar_one())


def _me() -> dict[str, Any]:
    number, started = this_process()
    return {"process": number, "process_started": started, "host": this_host(), "heartbeat": store_now()}


def _mine() -> Callable[[Table], Any]:
    """What is true of the rows that this process has claimed."""
    (number, started), host = this_process(), this_host()
    return lambda table: (
        (table.c.process == number) & (func.abs(table.c.process_started - started) < 1) & (table.c.host == host)
    )


def _lives(row: Row[Any]) -> bool:
    return is_alive(row.process, row.process_started, row.host, row.quiet)


def _is_trained(row: Row[Any]) -> bool:
    alive = is_alive(row.child or 0, row.child_started or 0.0, row.child_host or "", row.unheard or 0.0)
    return row.status is not None and row.status not in ENDED and alive


def _put_trials(
    connection: Connection, sweep_id: int, known: int, configurations: Sequence[str], seeds: Sequence[int],
    failed: Mapping[str, str],
) -> None:  # fmt: skip
    pairs = [(configuration, seed) for configuration in configurations for seed in seeds]
    rows = [
        {
            "sweep_id": sweep_id,
            "number": known + index,
            "position": float(known + index),
            "configuration": clean(configuration),
            "seed": seed,
            "state": "failed" if configuration in failed else "queued",
            "reason": clean(failed.get(configuration, "")),
        }
        for index, (configuration, seed) in enumerate(pairs)
    ]
    if rows:
        connection.execute(insert(trial), rows)


def _row(connection: Connection, uid: str) -> Row[Any]:
    row = connection.execute(select(*_SWEEP).where(sweep.c.uid == clean(uid))).first()
    if row is None:
        raise refuse(f"There is no sweep {uid!r} in this store.")
    return row


def _id(connection: Connection, uid: str) -> int:
    return int(_row(connection, uid).id)


def _touch(connection: Connection, sweep_id: int, **values: Any) -> None:
    connection.execute(update(sweep).where(sweep.c.id == sweep_id).values(revision=sweep.c.revision + 1, **values))


def _change(connection: Connection, uid: str, numbers: Iterable[int], which: Any, **values: Any) -> int:
    sweep_id = _id(connection, uid)
    mine = (trial.c.sweep_id == sweep_id) & trial.c.number.in_(list(numbers))
    found = connection.execute(update(trial).where(mine, which).values(**values)).rowcount
    _touch(connection, sweep_id)
    return found


def _reorder(connection: Connection, sweep_id: int, order: Sequence[int]) -> None:
    mine = trial.c.sweep_id == sweep_id
    asked = select(trial.c.position).where(mine, trial.c.number.in_(order)).order_by(trial.c.position)
    places = list(connection.execute(asked).scalars())
    for number, place in zip(order, places, strict=True):
        connection.execute(update(trial).where(mine, trial.c.number == number).values(position=place))
    _touch(connection, sweep_id)


def _facts(connection: Connection, rows: Sequence[Row[Any]]) -> list[SweepFacts]:
    counts: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    asked = select(trial.c.sweep_id, trial.c.state, func.count()).group_by(trial.c.sweep_id, trial.c.state)
    for sweep_id, state, count in connection.execute(asked):
        counts.get(sweep_id, {})[state] = count
    working = select(trial.c.sweep_id, trial.c.process, trial.c.process_started, trial.c.host, _QUIET)
    busy = {row.sweep_id for row in connection.execute(working.where(trial.c.state == "running")) if _lives(row)}
    return [
        SweepFacts(
            id=row.id, uid=row.uid, name=row.name, created=row.created, state=row.state, document_id=row.document_id,
            continue_on_error=bool(row.continue_on_error), place=row.place, position=row.position,
            alive=row.id in busy or _lives(row), counts=counts[row.id], revision=row.revision,
        )
        for row in rows
    ]  # fmt: skip


def _trial(row: Row[Any]) -> TrialFacts:
    return TrialFacts(
        number=row.number, configuration=row.configuration, seed=row.seed, state=row.state, run=row.run or "", value=row.value,
        figures=_figures(row.figures), reason=row.reason, step=row.step or 0, steps=row.steps or 0,
        run_status=row.status or "",
    )  # fmt: skip


def _figures(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(name): float(value) for name, value in found.items()} if isinstance(found, dict) else {}
