"""Events turned into rows: what one flush of the recorder writes, all of it or nothing."""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, bindparam, delete, func, insert, select, update

from core.graph.selection import is_lower_better
from core.problems import Refused, refuse
from core.store import lines, points
from core.store.claims import OWNER, NotOurs, identity, is_here, is_owned, owner_refusal
from core.store.clock import store_now
from core.store.database import Store
from core.store.faults import STORE_ERRORS, cause_of
from core.store.lines import Line, Rows, Summary
from core.store.media import MediaFolder, Putting, keep_names, names_after
from core.store.schema import checkpoint, exhibit, log, mark, run, series, snapshot
from core.store.snapshots import KINDS, Snapshot, clean, pack, pack_exhibit, text_of
from core.telemetry.events import (
    ENDED,
    At,
    DeviceLoad,
    Event,
    Exhibit,
    LogLine,
    Mark,
    PhaseChange,
    Pictures,
    Scalars,
    Sounds,
    StatusChange,
)  # fmt: skip

TIMELINE = ("seconds", "epoch", "samples")
MOST_KEY = 2**62
_UPDATE_SERIES = (
    update(series)
    .where(series.c.id == bindparam("the_id"))
    .values({name: bindparam(f"the_{name}") for name in
             ("size", "first", "final", "last", "low", "high", "best", "nonfinite")})
)  # fmt: skip


@cache
def _update_of_a_run(names: tuple[str, ...], something: bool) -> Update:
    """New values of a run's row, where it is still ours; made once, for it is asked for with every flush."""
    ours = [
        run.c[name] == bindparam(f"the_{word}")
        for name, word in (("id", "run"), ("attempt", "attempt"), ("claim", "claim"))
    ]
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=run.c[name].type) for name in names}
    values["heartbeat"] = store_now()
    if something:
        values["revision"] = run.c.revision + 1
    return update(run).where(*ours).values(values)


class Writing:
    """The writing side of one run; used by one thread at a time."""

    def __init__(self, store: Store, run_id: int, *, only_ended: bool = False) -> None:
        self._store = store
        self._run_id = run_id
        self._lines: dict[tuple[str, str], Line] = {}
        self._scalars: dict[str, Line] = {}
        self._timeline_step: int | None = None
        self._head: dict[str, Any] = {}
        self._batch = Batch()
        self._media = MediaFolder(store.media_folder)
        self._putting = Putting(self._media)
        self._dropped: set[str] = set()  # files that a row named and names no more
        with store.write() as connection:
            asked = select(run.c.uid, run.c.status, run.c.attempt, *OWNER).where(run.c.id == run_id)
            row = connection.execute(asked).first()
            if row is None:
                raise refuse(f"There is no run {run_id} in {store.name}.")
            if row.claim and not is_here(row) and is_owned(row):  # its record and its spool file are not ours
                raise owner_refusal(row)
            if only_ended and (row.claim or row.status not in ENDED):
                raise refuse(f"The run {row.uid} trains again.", hint="Wait until it has ended, or stop it.")
            self._claim, self._status, self.attempt = str(row.claim), str(row.status), int(row.attempt) + 1
            connection.execute(update(run).where(run.c.id == run_id).values(attempt=self.attempt, **identity()))
            self._load(connection)

    def write(self, events: Sequence[Event]) -> list[str]:
        """Keep events in one transaction; gives a sentence for each that makes no sense. Raises as the store does."""
        odd = self._gather(events)
        rows = Rows()
        new: list[Line] = []
        try:
            odd += self._put_files()
            with self._store.write(alone=bool(self._batch.files or self._dropped)) as connection:
                self._putting.ensure(self._batch.files)
                self._write_head(connection, bool(events))
                self._number_lines(connection, new)
                self._plan_points(connection, rows)
                self._write_rows(connection)
                self._putting.announce(self._dropped)
        except BaseException:
            for line in self._lines.values():
                line.forget()
            for line in new:
                line.series_id = 0
            self._timeline_step = self._lines[("timeline", "seconds")].summary.final if self._has_timeline() else None
            raise
        finally:
            self._batch, head, self._head = Batch(), self._head, {}
        self._claim, self._status = head.get("claim", self._claim), head.get("status", self._status)
        rows.settle()
        self._remove_dropped()
        return odd

    def truncate_after(self, step: int) -> None:
        """Forget everything said after a step."""
        plans: list[Rows] = []
        with self._store.write(alone=False) as connection:
            self._write_ours(connection, {}, something=False)
            seconds = self._seconds_at(connection, step)
            for line in self._lines.values():
                if line.kind in KINDS.values():
                    self._truncate_snapshots(connection, line, step)
                else:
                    final = round(seconds * 1000) if line.kind == "device" else step
                    plans.append(lines.truncate(connection, line, final))
            for table in (mark, log):
                connection.execute(delete(table).where(table.c.run_id == self._run_id, table.c.step > step))
            after = (checkpoint.c.run_id == self._run_id) & (checkpoint.c.step > step)
            connection.execute(update(checkpoint).where(after).values(kept=0))
            self._write_summaries(connection, [entry for plan in plans for entry in plan.after])
            self._write_cut_head(connection, step, plans)
            self._putting.announce(self._dropped)
        self._remove_dropped()
        for plan in plans:
            plan.settle()
        self._timeline_step = self._lines[("timeline", "seconds")].summary.final if self._has_timeline() else None

    # Gathering

    def _gather(self, events: Sequence[Event]) -> list[str]:
        odd = []
        for event in events:
            try:
                if type(event) is Scalars:
                    self._take_scalars(event)
                else:
                    self._take_other(event)
            except (TypeError, ValueError, OverflowError, AttributeError) as error:
                odd.append(f"A {type(event).__name__} event could not be kept: {error}.")
        return odd

    def _take_scalars(self, event: Scalars) -> None:
        step = self._advance(event.at)
        known = self._scalars
        for name, value in event.values.items():
            line = known.get(name) or self._line("scalar", name)
            line.values.append(float(value))
            line.keys.append(step)

    def _take_other(self, event: Event) -> None:
        if isinstance(event, DeviceLoad):
            milliseconds = _key(round(event.at.seconds * 1000))
            for name, value in event.values.items():
                line = self._line("device", f"{event.device}/{name}")
                line.values.append(float(value))
                line.keys.append(milliseconds)
            return
        if isinstance(event, PhaseChange):
            self._head.update(phase=clean(event.phase), done=_key(event.done), of=_key(event.of))
            return
        self._batch.take(event)
        self._advance(event.at)
        if isinstance(event, StatusChange):
            self._head.update(status=event.status, reason=clean(event.reason))
            self._head["ended"] = time.time() if event.status in ENDED else None
            if event.status in ENDED:
                self._head.update(claim="", phase="", done=0, of=0)

    def _advance(self, at: At) -> int:
        step = _key(at.step)
        if step != self._timeline_step:
            for name, value in zip(TIMELINE, (at.seconds, at.epoch, at.samples)):
                line = self._line("timeline", name)
                line.values.append(points.finite(value))
                line.keys.append(step)
            self._timeline_step = step
        self._head.update(step=step, seconds=points.finite(at.seconds), epoch=points.finite(at.epoch))
        self._head["samples"] = min(max(int(at.samples), 0), MOST_KEY)
        return step

    def _line(self, kind: str, name: str) -> Line:
        key = (kind, clean(name))
        if key not in self._lines:
            self._lines[key] = Line(name=key[1], kind=kind)
        if kind == "scalar":
            self._scalars[name] = self._lines[key]
        return self._lines[key]

    def _has_timeline(self) -> bool:
        line = self._lines.get(("timeline", "seconds"))
        return line is not None and line.summary.size > 0

    # Writing

    def _load(self, connection: Connection) -> None:
        for row in connection.execute(select(series).where(series.c.run_id == self._run_id)):
            line = self._line(row.kind, row.name)
            line.series_id = row.id
            line.summary = Summary(
                size=row.size, first=row.first, final=row.final, last=points.number(row.last),
                low=points.number(row.low), high=points.number(row.high), nonfinite=row.nonfinite,
            )  # fmt: skip
            if row.kind not in KINDS.values():
                lines.load_tail(connection, line)
        self._timeline_step = self._lines[("timeline", "seconds")].summary.final if self._has_timeline() else None

    def _number_lines(self, connection: Connection, new: list[Line]) -> None:
        for event in self._batch.snapshots:
            self._line(KINDS[type(event)], event.series)
        for line in self._lines.values():
            if not line.series_id:
                row = {"run_id": self._run_id, "kind": line.kind, "name": line.name}
                line.series_id = inserted_id(connection, series, row)
                new.append(line)

    def _plan_points(self, connection: Connection, rows: Rows) -> None:
        for line in self._lines.values():
            if line.keys:
                lines.plan(connection, line, rows)
        rows.write(connection)
        self._write_summaries(connection, rows.after)

    def _write_summaries(self, connection: Connection, entries: Sequence[Any]) -> None:
        if entries:
            changed = [_summary_row(line, summary) for line, summary, *_ in entries]
            connection.execute(_UPDATE_SERIES, changed)

    def _write_rows(self, connection: Connection) -> None:
        batch, mine = self._batch, {"run_id": self._run_id}
        if batch.logs:
            connection.execute(insert(log), [{**row, **mine} for row in batch.logs])
        if batch.marks:
            connection.execute(insert(mark), [{**row, **mine} for row in batch.marks])
        for row in batch.exhibits:
            self._store.upsert(connection, exhibit, ("run_id", "name"), [{**row, **mine}])
        for row in batch.checkpoints:
            self._write_checkpoint(connection, row)
        for event in batch.snapshots:
            self._write_snapshot(connection, event)

    def _put_files(self) -> list[str]:
        """Pictures and sounds go first. On a full disk they wait with all else; where only their folder fails they are left out."""
        try:
            self._putting.put(self._batch.files)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            return self._batch.leave_out_files(error)
        return []

    def _remove_dropped(self) -> None:
        """All is committed: files that no run names any more go. Where that cannot be now, they wait for the next time."""
        with suppress(Refused, *STORE_ERRORS):
            if self._dropped:
                with self._store.write() as connection:
                    self._media.remove(connection, self._dropped)
                self._dropped.clear()
            self._putting.settle()

    def _write_snapshot(self, connection: Connection, event: Snapshot) -> None:
        line = self._line(KINDS[type(event)], event.series)
        row = {"series_id": line.series_id, **self._batch.packed[id(event)]}
        self._store.upsert(connection, snapshot, ("series_id", "step"), [row])
        known, step = line.summary, row["step"]
        if isinstance(event, Pictures | Sounds):
            self._dropped.update(keep_names(connection, line.series_id, step, self._batch.files_of[id(event)]))
        if known.size == 0 or step > known.final:
            figures = {"size": known.size + 1, "first": known.first if known.size else step, "final": step}
        else:
            figures = _counted(connection, line.series_id)
        line.summary = Summary(**figures)
        connection.execute(update(series).where(series.c.id == line.series_id).values(**figures))

    def _write_checkpoint(self, connection: Connection, row: dict[str, Any]) -> None:
        removed, mine = row.pop("removed"), checkpoint.c.run_id == self._run_id
        if removed:
            connection.execute(update(checkpoint).where(mine, checkpoint.c.path.in_(removed)).values(kept=0))
        if not row["path"]:
            return
        if row["best"]:
            connection.execute(update(checkpoint).where(mine).values(best=0))
        own = {**row, "run_id": self._run_id, "kept": 1}
        self._store.upsert(connection, checkpoint, ("run_id", "path"), [own])

    def _write_head(self, connection: Connection, something: bool) -> None:
        """The run's row, first of all: nothing is written where another process has taken the run over."""
        self._write_ours(connection, self._head, something=something)

    def _write_ours(self, connection: Connection, values: dict[str, Any], *, something: bool) -> None:
        """Change the run's row. Raises NotOurs where it was taken over since; one that was only given up is taken back."""
        given = {f"new_{name}": value for name, value in values.items()}
        given |= {"the_run": self._run_id, "the_attempt": self.attempt, "the_claim": self._claim}
        if connection.execute(_update_of_a_run(tuple(values), something), given).rowcount:
            return
        back = {"claim": self._claim, "status": self._status, "reason": "", "ended": None, **identity(), **values}
        mine = (run.c.id == self._run_id) & (run.c.attempt == self.attempt)
        given_up = mine & (run.c.claim == "") & (run.c.status == "interrupted")
        if not connection.execute(update(run).where(given_up).values(**back)).rowcount:
            raise NotOurs(
                "The run was taken over by another process, or deleted; what this one says is no longer kept."
            )

    # Cutting back

    def _truncate_snapshots(self, connection: Connection, line: Line, step: int) -> None:
        if line.kind in (KINDS[Pictures], KINDS[Sounds]):
            self._dropped.update(names_after(connection, line.series_id, step))
        connection.execute(delete(snapshot).where(snapshot.c.series_id == line.series_id, snapshot.c.step > step))
        figures = _counted(connection, line.series_id)
        line.summary = Summary(**figures)
        connection.execute(update(series).where(series.c.id == line.series_id).values(**figures))

    def _seconds_at(self, connection: Connection, step: int) -> float:
        line = self._lines.get(("timeline", "seconds"))
        if line is None:
            return 0.0
        known = lines.upto(connection, line, step)
        return float(known[1][-1]) if len(known[1]) else 0.0

    def _write_cut_head(self, connection: Connection, step: int, plans: Sequence[Rows]) -> None:
        last = {line.name: summary for plan in plans for line, summary, *_ in plan.after if line.kind == "timeline"}
        head: dict[str, Any] = {"revision": run.c.revision + 1}
        if last and last["seconds"].size:
            head.update(step=last["seconds"].final, seconds=last["seconds"].last, epoch=last["epoch"].last)
            head["samples"] = int(last["samples"].last)
        else:
            head.update(step=0, seconds=0.0, epoch=0.0, samples=0)
        connection.execute(update(run).where(run.c.id == self._run_id).values(**head))


class Batch:
    """Rows of one flush that are not points."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []
        self.marks: list[dict[str, Any]] = []
        self.exhibits: list[dict[str, Any]] = []
        self.checkpoints: list[dict[str, Any]] = []
        self.snapshots: list[Snapshot] = []
        self.packed: dict[int, dict[str, Any]] = {}
        self.files_of: dict[int, dict[str, bytes]] = {}  # by event; by name
        self.files: dict[str, bytes] = {}  # all of them

    def leave_out_files(self, error: OSError) -> list[str]:
        """Events that name files are not kept; gives a sentence for each."""
        left_out = [event for event in self.snapshots if self.files_of[id(event)]]
        self.snapshots = [event for event in self.snapshots if not self.files_of[id(event)]]
        self.files.clear()
        return [
            f"What was made at step {event.at.step:,} ({event.series}) could not be kept: {cause_of(error)}."
            for event in left_out
        ]

    def take(self, event: Event) -> None:
        """Turn an event into rows. Raises ValueError or TypeError where it makes no sense."""
        if isinstance(event, Snapshot):
            _key(event.at.step)
            self.packed[id(event)], files = pack(event)
            self.files_of[id(event)] = files
            self.files.update(files)
            self.snapshots.append(event)
        elif isinstance(event, LogLine):
            self.logs.append({**_when(event.at), "level": clean(event.level), "text": clean(event.text)})
        elif isinstance(event, Mark):
            row = {**_when(event.at), "kind": clean(event.kind), "text": clean(event.text), "data": text_of(event.data)}
            self.marks.append(row)
            if event.kind in ("checkpoint", "best") and (event.data.get("path") or event.data.get("removed")):
                self.checkpoints.append(_checkpoint_row(event))
        elif isinstance(event, Exhibit):
            self.exhibits.append(pack_exhibit(event))
        elif not isinstance(event, StatusChange):
            raise TypeError(f"{event!r:.80} is not an event")


def _checkpoint_row(event: Mark) -> dict[str, Any]:
    data, value = event.data, event.data.get("value")
    return {
        "step": _key(event.at.step), "path": clean(data.get("path", "")), "metric": clean(data.get("metric") or ""),
        "value": None if value is None else points.real(value),
        "best": int(event.kind == "best" or bool(data.get("best"))),
        "removed": [clean(path) for path in data.get("removed", ())],
    }  # fmt: skip


def _when(at: At) -> dict[str, Any]:
    return {"step": _key(at.step), "seconds": points.finite(at.seconds)}


def _key(value: int) -> int:
    key = int(value)
    if not -MOST_KEY < key < MOST_KEY:
        raise OverflowError(f"{key} is not a step")
    return key


def _summary_row(line: Line, summary: Summary) -> dict[str, Any]:
    best = summary.low if is_lower_better(line.name) else summary.high
    return {
        "the_id": line.series_id, "the_size": summary.size, "the_first": summary.first, "the_final": summary.final,
        "the_last": points.real(summary.last), "the_low": points.real(summary.low),
        "the_high": points.real(summary.high), "the_best": points.real(best), "the_nonfinite": summary.nonfinite,
    }  # fmt: skip


def _counted(connection: Connection, series_id: int) -> dict[str, int]:
    found = connection.execute(
        select(func.count(), func.min(snapshot.c.step), func.max(snapshot.c.step)).where(
            snapshot.c.series_id == series_id
        )
    ).one()
    return {"size": found[0], "first": found[1] or 0, "final": found[2] or 0}


def inserted_id(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    """Insert a row; gives its number."""
    return int(connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one())
