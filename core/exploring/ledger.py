"""Settings and figures of many runs, read column by column: only what is asked for, and each setting of a run once.

A setting that was not turned has its default where the run's drawing holds the block. Reading may take seconds in a large
store, so it is done behind the window, in pieces between which ``goes_on`` is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Connection, func, select

from core.exploring.fields import FACTS, Field, Known, Value, plain
from core.exploring.scores import BOTH, pair_of, value_of
from core.graph.vocabulary import Vocabulary
from core.store.answers import RunFacts
from core.store.curves import last_upto
from core.store.database import Store
from core.store.facts import MOST_NUMBERS
from core.store.schema import param, run, series
from core.telemetry.events import ENDED

NO_WORDS = Vocabulary()
MOST_VALUES = 60  # of a setting that runs are grouped by
TURNED_OFF = (" (muted)", " (bypassed)")  # behind a block's key


@dataclass(frozen=True, kw_only=True)
class Values:
    """What was read of runs: settings and figures at a step by name, then by the run's number."""

    read: Mapping[str, Mapping[int, Value]] = field(default_factory=dict)

    def value(self, wanted: Field, run: RunFacts) -> Value:
        """A field of a run; None where it has none, or where it was not read."""
        if wanted.kind == "fact":
            found = FACTS[wanted.name](run)
            return float(found) if isinstance(found, int) and not isinstance(found, bool) else found
        if wanted.kind == "score" and wanted.which != "at":
            return value_of(run.best if wanted.which == "best" else run.last, wanted.name)
        return self.read.get(wanted.key, {}).get(run.id)

    def has(self, wanted: Field, run: RunFacts) -> bool:
        """Whether it is known, be it that there is none."""
        return not must_be_read(wanted) or run.id in self.read.get(wanted.key, {})


def must_be_read(wanted: Field) -> bool:
    """Whether a field is not told by a run's facts."""
    return wanted.kind == "setting" or wanted.which == "at"


class Ledger:
    """Reads columns of a store and keeps them. Used by one thread at a time; another waits."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, Lock()
        self._columns: dict[str, dict[int, Value]] = {}
        self._revised: dict[str, dict[int, RunFacts]] = {}  # with which facts a column was read

    def known(self) -> Known:
        """Every setting and figure that some run has."""
        with self._store.read() as connection:
            settings = connection.execute(select(param.c.name).distinct().order_by(param.c.name)).scalars().all()
            named = select(series.c.name).where(series.c.kind == "scalar").distinct().order_by(series.c.name)
            return Known(settings=tuple(settings), scores=tuple(connection.execute(named).scalars()))

    def varied(self) -> tuple[str, ...]:
        """Settings of which runs have several values, but not nearly as many as there are runs."""
        values = func.count(param.c.text.distinct())
        asked = select(param.c.name, values).group_by(param.c.name).having(values.between(2, MOST_VALUES))
        with self._store.read() as connection:
            return tuple(sorted(row[0] for row in connection.execute(asked) if row[0] not in FACTS))

    def documents(self, nodes: Iterable[str]) -> dict[str, str]:
        """The text of the newest document that has each of these nodes; one without a run is left out."""
        found: dict[str, int] = {}
        with self._store.read() as connection:
            for node in nodes:
                newest = select(func.max(param.c.run_id)).where(param.c.name == node)
                if (number := connection.execute(newest).scalar()) is not None:
                    found[node] = number
            numbers = sorted(set(found.values()))
            asked = select(run.c.id, run.c.document_text).where(run.c.id.in_(numbers))
            texts = {row.id: row.document_text for row in connection.execute(asked)}
        return {node: texts[number] for node, number in found.items()}

    def read(
        self, fields: Iterable[Field], runs: Sequence[RunFacts], words: Vocabulary = NO_WORDS,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Values:  # fmt: skip
        """These fields of these runs, as far as it went on. Raises Refused where the store cannot be read."""
        with self._lock:
            wanted = {each.key: each for each in fields if must_be_read(each)}
            for key, each in wanted.items():
                self._fill(key, each, runs, words, goes_on)
            return Values(read={key: dict(self._columns.get(key, {})) for key in wanted})

    def _fill(
        self, key: str, wanted: Field, runs: Sequence[RunFacts], words: Vocabulary, goes_on: Callable[[], bool]
    ) -> None:
        column, seen = self._columns.setdefault(key, {}), self._revised.setdefault(key, {})
        due = [each for each in runs if seen.get(each.id) is not each or each.status not in ENDED]
        for start in range(0, len(due), MOST_NUMBERS):
            if not goes_on():
                return
            part = due[start : start + MOST_NUMBERS]
            with self._store.read() as connection:
                if wanted.kind == "setting":
                    found = _settings(connection, wanted.name, [each.id for each in part], words)
                else:
                    found = _at_step(connection, wanted, [each.id for each in part], goes_on)
            column.update({each.id: found.get(each.id) for each in part})
            seen.update({each.id: each for each in part})


def _settings(connection: Connection, name: str, ids: Sequence[int], words: Vocabulary) -> dict[int, Value]:
    node, dot, knob = name.rpartition(".")
    asked = select(param.c.run_id, param.c.name, param.c.text).where(
        param.c.name.in_([name, node] if dot else [name]), param.c.run_id.in_(ids)
    )
    turned: dict[int, Value] = {}
    blocks: dict[int, str] = {}
    for row in connection.execute(asked):
        value = _parsed(row.text)
        if row.name == name:
            turned[row.run_id] = plain(value)
        elif isinstance(value, str):
            blocks[row.run_id] = value
    return {number: _default(block, knob, words) for number, block in blocks.items()} | turned


def _parsed(text: str) -> Any:
    """A setting; one that is damaged is told as it stands."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _default(block: str, knob: str, words: Vocabulary) -> Value:
    for ending in TURNED_OFF:
        block = block.removesuffix(ending)
    if block not in words:
        return None
    return next((plain(each.default) for each in words[block].knobs if each.name == knob), None)


def _at_step(
    connection: Connection, wanted: Field, ids: Sequence[int], goes_on: Callable[[], bool]
) -> dict[int, Value]:  # fmt: skip
    start, both, end = wanted.name.partition(BOTH)
    asked = select(series.c.run_id, series.c.id, series.c.name).where(
        series.c.run_id.in_(ids), series.c.kind == "scalar", series.c.size > 0
    )
    asked = asked.where(series.c.name.startswith(start, autoescape=True) if both else series.c.name == wanted.name)
    ways: dict[int, dict[str, int]] = {}
    for row in connection.execute(asked).all():
        if not both or row.name.endswith(end):
            ways.setdefault(row.run_id, {})[row.name[len(start) : len(row.name) - len(end)] if both else ""] = row.id
    found: dict[int, Value] = {}
    for number, by_way in ways.items():
        if not goes_on():
            break
        pair = pair_of(by_way) if both else ("",)
        values = [last_upto(connection, by_way[way], wanted.step) for way in pair]
        told = [value[1] for value in values if value is not None]
        found[number] = sum(told) / len(told) if told and len(told) == len(pair) else None
    return found
