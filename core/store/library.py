"""The library of runs in a store: made, found, sorted, named, tagged, put aside, compared, and spoken to."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from core.problems import Refused, refuse
from core.store import judging, points
from core.store.answers import Judged, RunFacts
from core.store.claims import OWNER, Claim, claim, identity, is_owned, owner_refusal, waits
from core.store.database import Store
from core.store.export import export_points, export_runs
from core.store.facts import facts_of
from core.store.liveness import is_alive
from core.store.media import MediaFolder, names_of_runs
from core.store.reader import RunReader
from core.store.recorder import Recorder
from core.store.resuming import Start, refuse_if_missing, start_of
from core.store.schema import command, param, run, tag
from core.store.snapshots import clean, data_of, text_of
from core.store.waiting import last_position
from core.store.writing import inserted_id
from core.telemetry.events import ENDED

SORTS: Mapping[str, Callable[[RunFacts], Any]] = {
    "name": lambda facts: facts.name.casefold(), "status": lambda facts: facts.status,
    "created": lambda facts: facts.created, "seconds": lambda facts: facts.seconds, "step": lambda facts: facts.step,
    "steps": lambda facts: facts.steps, "seed": lambda facts: facts.seed, "place": lambda facts: facts.place,
    "document": lambda facts: facts.document_name.casefold(), "notes": lambda facts: facts.notes.casefold(),
    "tags": lambda facts: facts.tags, "id": lambda facts: facts.id,
}  # fmt: skip


class Command(NamedTuple):
    """What a person asks of a run: pause, resume, stop, checkpoint, rate."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A parameter that two runs do not share; None where a run lacks it."""

    name: str
    left: Any
    right: Any


class Library:
    """Every run of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create_run(
        self, name: str, document_text: str, *, steps: int = 0, seed: int = 0, place: str = "thread", parent: str = "",
        parent_step: int = 0, environment: Mapping[str, Any] | None = None, params: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (), queued: bool = False, numbered: bool = False,
    ) -> RunFacts:  # fmt: skip
        """A new run, queued. ``params`` are what a configuration difference compares; ``parent`` is a uid.

        With ``numbered`` its name ends in the store's running number, which no other run ever bears: "mini-CLIP #17".
        With ``queued`` it is the last of the queue (:mod:`core.store.waiting`), else its maker is about to begin it.
        """
        drawing = _document_identity(document_text)
        row = {
            "uid": f"{time.strftime('%y%m%d', time.gmtime())}-{secrets.token_hex(5)}", "name": clean(name),
            "status": "queued", "created": time.time(), "steps": steps, "seed": seed, "place": place, "parent": clean(parent),
            "parent_step": parent_step, "document_id": drawing[0], "document_name": drawing[1],
            "document_text": clean(document_text), "environment": text_of(environment or {}), **identity(),
        }  # fmt: skip
        with self.store.write() as connection:
            row["position"] = last_position(connection) if queued else None
            run_id = inserted_id(connection, run, row)
            if numbered:
                connection.execute(update(run).where(run.c.id == run_id).values(name=f"{row['name']} #{run_id}"))
            wanted = [{"run_id": run_id, **_param(key, value)} for key, value in (params or {}).items()]
            if wanted:
                connection.execute(insert(param), wanted)
            for text in dict.fromkeys(clean(one) for one in tags):
                connection.execute(insert(tag), {"run_id": run_id, "tag": text})
            return facts_of(connection, [run_id])[0]

    def recorder(self, uid: str, **options: Any) -> Recorder:
        """The listener that keeps what a run says; options as of :class:`Recorder`."""
        return Recorder(self.store, self._id(uid), **options)

    def reader(self, uid: str) -> RunReader:
        """A run to be read. Raises Refused where there is none."""
        return RunReader(self.store, self._id(uid))

    def facts(self, uid: str) -> RunFacts:
        """A run's row. Raises Refused where there is none."""
        run_id = self._id(uid)
        with self.store.read() as connection:
            return facts_of(connection, [run_id])[0]

    def document_text(self, uid: str) -> str:
        """The document that a run was started with."""
        return self.reader(uid).document_text()

    def start_of(self, uid: str) -> Start | None:
        """The checkpoint that a run goes on from: its own newest, or that of the run it was forked from."""
        return start_of(self, uid)

    def claim(self, uid: str) -> Claim:
        """The right to train a run. Raises Refused where another process has it, or what it should go on from is gone."""
        refuse_if_missing(self, uid)
        return claim(self.store, uid)

    def export_csv(self, uids: Sequence[str], path: str | Path, *, series: Sequence[str] | None = None) -> int:
        """Every point of scalar series as rows of run, step, seconds, series, value; gives the number of rows."""
        return export_points(self, uids, Path(path), series)

    def export_table(self, facts: Sequence[RunFacts], path: str | Path) -> int:
        """The table of runs with parameters, last and best values, a row a run."""
        return export_runs(self, facts, Path(path))

    def runs(
        self, *, text: str = "", status: str | None = None, tag: str | None = None, sort: str = "created",
        descending: bool = True, deleted: bool = False, limit: int | None = None,
    ) -> list[RunFacts]:  # fmt: skip
        """Runs whose name, tags, notes or document hold every word of ``text``, or whose uid begins with it.

        ``sort`` is a column (:data:`SORTS`), ``last:<series>`` or ``best:<series>``; runs without it come last.
        """
        columns = (run.c.id, run.c.uid, run.c.name, run.c.notes, run.c.status, run.c.document_name)
        put_aside = run.c.deleted.is_not(None) if deleted else run.c.deleted.is_(None)
        asked = select(*columns).where(put_aside)
        if status:
            asked = asked.where(run.c.status == status)
        with self.store.read() as connection:
            tags: dict[int, list[str]] = {}
            for run_id, one in connection.execute(select(_tags.c.run_id, _tags.c.tag)):
                tags.setdefault(run_id, []).append(one)
            words = text.casefold().split()
            ids = [
                row.id for row in connection.execute(asked)
                if (tag is None or tag in tags.get(row.id, ()))
                and _holds(row.uid, (row.name, row.notes, row.document_name, *tags.get(row.id, ())), words)
            ]  # fmt: skip
            found = facts_of(connection, ids)
        return _sorted(found, sort, descending)[:limit]

    def find(self, wanted: str) -> RunFacts:
        """The run with this uid, the beginning of one, or this name, with or without its number (the newest). Raises Refused."""
        with self.store.read() as connection:
            rows = connection.execute(
                select(run.c.id, run.c.uid, run.c.name).where(run.c.deleted.is_(None)).order_by(run.c.id.desc())
            ).all()
            exact = [row.id for row in rows if row.uid == wanted or row.name == wanted]
            exact = exact or [row.id for row in rows if row.name == f"{wanted} #{row.id}" or wanted == f"#{row.id}"]
            begun = [row for row in rows if wanted and row.uid.startswith(wanted)]
            if not exact and len(begun) > 1:
                hint = f"It may be {' or '.join(row.uid for row in begun[:3])}."
                raise refuse(f"{len(begun)} runs begin with {wanted!r}.", hint=hint)
            ids = exact or [row.id for row in begun]
            if not ids:
                newest = f"The newest is {rows[0].uid} ({rows[0].name})." if rows else "There are no runs yet."
                raise refuse(f"There is no run {wanted!r} in {self.store.name}.", hint=newest)
            return facts_of(connection, ids[:1])[0]

    # Editing

    def rename(self, uid: str, name: str) -> None:
        """Another name; an empty one is refused."""
        if not name.strip():
            raise refuse("A run needs a name.")
        self._edit(uid, name=clean(name.strip()))

    def set_notes(self, uid: str, notes: str) -> None:
        """What a person remarks about a run."""
        self._edit(uid, notes=clean(notes))

    def set_tags(self, uid: str, tags: Sequence[str]) -> None:
        """These tags and no others."""
        wanted = dict.fromkeys(clean(one.strip()) for one in tags if one.strip())
        with self.store.write() as connection:
            run_id = self._id(uid)
            connection.execute(delete(_tags).where(_tags.c.run_id == run_id))
            if wanted:
                connection.execute(insert(_tags), [{"run_id": run_id, "tag": one} for one in wanted])
            connection.execute(_touched(run_id))

    def tags(self) -> list[str]:
        """Every tag in use."""
        with self.store.read() as connection:
            asked = select(_tags.c.tag).join(run).where(run.c.deleted.is_(None)).distinct().order_by(_tags.c.tag)
            return list(connection.execute(asked).scalars())

    def delete(self, uid: str) -> None:
        """Put a run aside; :meth:`restore` brings it back until :meth:`purge`."""
        self._edit(uid, deleted=time.time())

    def restore(self, uid: str) -> None:
        """Undo :meth:`delete`."""
        self._edit(uid, deleted=None)

    def purge(self, *, seconds: float = 0.0, only: str = "") -> list[str]:
        """Remove for good what was put aside more than ``seconds`` ago, and files that no other run names; gives the uids.

        ``only``: this run alone, where it was put aside.
        """
        folder, names, announced = MediaFolder(self.store.media_folder), [], None
        with self.store.write() as connection:
            asked = select(run.c.id, run.c.uid).where(
                run.c.deleted.is_not(None), run.c.deleted <= time.time() - seconds
            )
            old = connection.execute(asked.where(run.c.uid == only) if only else asked).all()
            if old:
                ids = [row.id for row in old]
                names = names_of_runs(connection, ids)
                announced = folder.announce(names) if names else None
                connection.execute(delete(run).where(run.c.id.in_(ids)))
        if announced is not None:  # committed: only now may files go
            with self.store.write() as connection:
                folder.remove(connection, names)
            announced.unlink(missing_ok=True)
        return [row.uid for row in old]

    # Comparing

    def params(self, uid: str) -> dict[str, Any]:
        """A run's parameters by name."""
        with self.store.read() as connection:
            rows = connection.execute(select(param.c.name, param.c.text).where(param.c.run_id == self._id(uid)))
            return {row.name: _value(row.text) for row in rows}

    def environment(self, uid: str) -> dict[str, Any]:
        """The machine and the versions that a run was started with."""
        with self.store.read() as connection:
            asked = select(run.c.environment).where(run.c.id == self._id(uid))
            return data_of(connection.execute(asked).scalar_one())

    def difference(self, left: str, right: str) -> list[Difference]:
        """Parameters that differ between two runs, by name."""
        one, other = self.params(left), self.params(right)
        names = sorted(one.keys() | other.keys())
        pairs = [Difference(name=name, left=one.get(name), right=other.get(name)) for name in names]
        return [pair for pair in pairs if text_of(pair.left) != text_of(pair.right)]

    def add_params(self, uid: str, params: Mapping[str, Any]) -> None:
        """What is only known once a run begins: the fingerprint of its data. A name that is there gets the new value."""
        with self.store.write() as connection:
            run_id = self._id(uid)
            names = [clean(name) for name in params]
            connection.execute(delete(param).where(param.c.run_id == run_id, param.c.name.in_(names)))
            if names:
                connection.execute(
                    insert(param), [{"run_id": run_id, **_param(key, value)} for key, value in params.items()]
                )

    def set_document(self, uid: str, text: str, *, steps: int, params: Mapping[str, Any]) -> None:
        """The recipe of a run that is taken up again was changed; ``params`` are what changed."""
        self._edit(uid, document_text=clean(text), steps=steps)
        self.add_params(uid, params)

    # Judged pairs of datasets

    def mark(self, dataset: str, pairs: Sequence[tuple[int, int]], mark: str, *, run: str = "", step: int = 0) -> int:
        """Judge pairs of the dataset with this fingerprint; gives how many. Raises Refused."""
        return judging.mark_pairs(self.store, dataset, pairs, mark, run=run, step=step)

    def unmark(self, dataset: str, pairs: Sequence[tuple[int, int]]) -> int:
        """Take judgements back; gives how many there were."""
        return judging.unmark_pairs(self.store, dataset, pairs)

    def rename_dataset(self, former: str, dataset: str) -> None:
        """A dataset is told by another fingerprint than before: what was judged of it goes along."""
        judging.rename_dataset(self.store, former, dataset)

    def marks(self, dataset: str) -> list[Judged]:
        """Every judged pair of a dataset, by its numbers."""
        return judging.pair_marks(self.store, dataset)

    # Speaking to a run

    def send_command(self, uid: str, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Ask a run for something, wherever it runs; it takes the command at a step's edge."""
        row = {"name": clean(name), "arguments": text_of(arguments or {}), "created": time.time()}
        with self.store.write() as connection:
            connection.execute(insert(command), {"run_id": self._id(uid), **row})

    def take_commands(self, uid: str) -> list[Command]:
        """What was asked of a run since the last call, oldest first; each is given once. Cheap where there is none."""
        waits = (command.c.run_id == run.c.id) & command.c.taken.is_(None)
        counted = (
            select(run.c.id, func.count(command.c.id)).select_from(run.outerjoin(command, waits)).group_by(run.c.id)
        )
        with self.store.read() as connection:
            found = connection.execute(counted.where(run.c.uid == clean(uid))).first()
        if found is None:
            raise self._unknown(uid)
        if not found[1]:
            return []
        waiting = (command.c.run_id == found[0]) & command.c.taken.is_(None)
        taken = update(command).where(waiting).values(taken=time.time())
        with self.store.write() as connection:
            rows = connection.execute(taken.returning(command.c.id, command.c.name, command.c.arguments)).all()
        return [Command(name=row.name, arguments=data_of(row.arguments)) for row in sorted(rows)]

    def heartbeat(self, uid: str) -> None:
        """Say that the calling process owns a run and lives. A recorder does this by itself."""
        with self.store.write() as connection:
            connection.execute(update(run).where(run.c.id == self._id(uid)).values(**identity()))

    def mark_interrupted(self) -> list[RunFacts]:
        """Runs that are said to run but whose process is gone become ``interrupted``; gives them.

        Whoever started them, and however they died. Where the store can only be read there are none.
        """
        gone = self._gone() if self.store.is_writable else []
        if not gone:
            return []
        values = {
            "status": "interrupted", "reason": "The process that trained it ended without a word.",
            "ended": run.c.heartbeat, "claim": "", "revision": run.c.revision + 1, "phase": "", "done": 0, "of": 0,
        }  # fmt: skip
        marked = []
        with self.store.write() as connection:
            for row in gone:  # one that was claimed anew since the look is left alone
                same = (run.c.id == row.id) & (run.c.status == row.status) & (run.c.claim == row.claim)
                same &= run.c.process == row.process
                if connection.execute(update(run).where(same).values(**values)).rowcount:
                    marked.append(row.id)
            return facts_of(connection, marked)

    def has_gone(self) -> bool:
        """Whether a run is said to run though its process is gone: a look, nothing is written."""
        return bool(self._gone())

    def _gone(self) -> list[Any]:
        with self.store.read() as connection:
            asked = select(run.c.id, run.c.status, *OWNER).where(run.c.status.not_in(sorted(ENDED)))
            return [row for row in connection.execute(asked).all() if not is_owned(row) and not waits(row)]

    def liveness(self, uid: str) -> tuple[bool, float]:
        """Whether the process that owns a run lives, and the seconds since it was last heard of."""
        with self.store.read() as connection:
            asked = select(*OWNER).where(run.c.id == self._id(uid))
            row = connection.execute(asked).one()
        return is_alive(row.process, row.process_started, row.host, row.unheard), max(0.0, row.unheard)

    def owner_refusal(self, uid: str) -> Refused | None:
        """Why a run cannot be begun now: who owns it; None where nobody does."""
        with self.store.read() as connection:
            asked = select(run.c.uid, run.c.status, *OWNER).where(run.c.id == self._id(uid))
            row = connection.execute(asked).one()
        return owner_refusal(row) if is_owned(row) and (row.claim or row.status not in ENDED) else None

    def _id(self, uid: str) -> int:
        with self.store.read() as connection:
            found = connection.execute(select(run.c.id).where(run.c.uid == clean(uid))).scalar()
        if found is None:
            raise self._unknown(uid)
        return int(found)

    def _unknown(self, uid: str) -> Refused:
        return refuse(f"There is no run {uid!r} in {self.store.name}.")

    def _edit(self, uid: str, **values: Any) -> None:
        run_id = self._id(uid)
        with self.store.write() as connection:
            connection.execute(update(run).where(run.c.id == run_id).values(**values))
            connection.execute(_touched(run_id))


_tags = tag  # ``tag`` is also what a person filters by


def _touched(run_id: int) -> Any:
    return update(run).where(run.c.id == run_id).values(revision=run.c.revision + 1)


def _holds(uid: str, texts: Sequence[str], words: Sequence[str]) -> bool:
    whole = "\n".join(texts).casefold()
    return all(word in whole or uid.startswith(word) for word in words)


def _sorted(found: list[RunFacts], sort: str, descending: bool) -> list[RunFacts]:
    which, _, name = sort.partition(":")
    if which in ("last", "best") and name:
        key: Callable[[RunFacts], Any] = lambda facts: getattr(facts, which).get(name, math.nan)  # noqa: E731
        having = [facts for facts in found if math.isfinite(key(facts))]
        lacking = [facts for facts in found if not math.isfinite(key(facts))]
        return sorted(having, key=key, reverse=descending) + lacking
    if sort not in SORTS:
        raise refuse(f"Runs cannot be sorted by {sort!r}.", hint=f"Known: {', '.join(sorted(SORTS))}, last:loss.")
    return sorted(found, key=SORTS[sort], reverse=descending)


def _param(name: str, value: Any) -> dict[str, Any]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"name": clean(name), "number": points.real(value) if is_number else None, "text": text_of(value)}


def _value(text: str) -> Any:
    """A parameter; one that is damaged is told as it stands."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _document_identity(text: str) -> tuple[str, str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(data, dict):
        return "", ""
    return clean(str(data.get("id") or "")), clean(str(data.get("name") or data.get("title") or ""))
