"""W&B's offline runs: ``run-ID.wandb`` in a folder of its own, a log of protobuf records, with images and audio beside it.

A step of its history comes when the next one begins; values that were logged for a step that had passed were never written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats import wire
from core.records.formats.level_logs import logged
from core.records.formats.tf_records import Torn
from core.records.gathering import Gathering, flat
from core.records.logged_values import finder, parsed, take_values
from core.records.reader import Reader, Tell
from core.telemetry.events import Status

ENDING = ".wandb"
HISTORY, SUMMARY, CONFIG, STATS, RUN, EXIT = 2, 3, 5, 7, 17, 18  # fields of a record
VALUE_JSON = 16
BYTES_BETWEEN_TELLING = 1 << 20


@readers.register("wandb")
class WandB(Reader):
    """A file of records."""

    title = "W&B"

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """Each file is a run."""
        files = [folder / name for name in names if name.startswith("run-") and name.endswith(ENDING)]
        return [Place(kind=cls.key, path=path, bytes=path.stat().st_size) for path in files]

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """All of its records."""
        reading, told = _Reading(place.path), 0
        with place.path.open("rb") as file:
            try:
                for at, data in logged(file):
                    reading.take(data)
                    if at - told >= BYTES_BETWEEN_TELLING:
                        tell(at - told)
                        told = at
            except Torn as torn:
                left = place.bytes - torn.at
                reading.gathered.remark(
                    f"{place.path.name} is not whole: {left:,} of its {place.bytes:,} bytes could not be read."
                )
        tell(max(0, place.bytes - told))
        return reading.run(place, cls.title)


class _Reading:
    """What the records say."""

    def __init__(self, path: Path) -> None:
        self.gathered = Gathering()
        self._find = finder(path.parent / "files")
        self._about: dict[int, str] = {}
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._logged: set[str] = set()
        self._created = math.nan
        self._status: Status = "interrupted"

    def take(self, data: bytes) -> None:
        """One record; one that makes no sense is counted."""
        try:
            for number, value in wire.fields(data):
                if number == HISTORY:
                    self._take_history(wire.block(value))
                elif number == SUMMARY:
                    self._summary |= _items(data_of(wire.block(value), 1))
                elif number == CONFIG:
                    _merge(self._config, _items(data_of(wire.block(value), 1)))
                elif number == RUN:
                    self._take_run(wire.block(value))
                elif number == EXIT:
                    code = next((wire.whole(v) for n, v in wire.fields(wire.block(value)) if n == 1), 0)
                    self._status = "failed" if code else "finished"
                elif number == STATS:
                    self.gathered.leave_out("readings of the machine, which have no steps")
        except (ValueError, TypeError, KeyError):
            self.gathered.leave_out("records that are not as W&B writes them")

    def _take_run(self, data: bytes) -> None:
        for number, value in wire.fields(data):
            if number in (1, 3, 8, 9):  # id, project, name, notes
                self._about[number] = wire.text(value)
            elif number == 4:
                _merge(self._config, _items(data_of(wire.block(value), 1)))
            elif number == 17:
                parts = dict(wire.fields(wire.block(value)))
                self._created = wire.signed(parts.get(1, 0)) + wire.signed(parts.get(2, 0)) / 1e9

    def _take_history(self, data: bytes) -> None:
        values = _items(data_of(data, 1))
        told = [dict(wire.fields(step)).get(1, 0) for step in data_of(data, 2)]
        step = values.get("_step", wire.signed(told[-1]) if told else 0)
        wall = values.get("_timestamp", math.nan)
        own = {name: value for name, value in values.items() if not name.startswith("_")}
        self._logged |= own.keys()
        take_values(self.gathered, own, int(step), float(wall), self._find)

    def run(self, place: Place, title: str) -> ForeignRun:
        """All of it."""
        series = self.gathered.series()
        walls = [float(points.walls[0]) for points in series.values() if len(points)]
        created = self._created if math.isfinite(self._created) else min(walls, default=place.path.stat().st_mtime)
        settings = flat({name: value for name, value in self._config.items() if not name.startswith("_")})
        alone = {n: v for n, v in self._summary.items() if not n.startswith("_") and n not in self._logged}
        settings |= {f"summary.{name}": value for name, value in flat(alone).items()} if alone else {}
        uid = self._about.get(1, place.path.stem)
        return ForeignRun(
            place=place, title=title, identity=f"{uid}/{self._created}", name=self._about.get(8) or uid,
            group=self._about.get(3, ""), created=created, status=self._status, settings=settings, series=series,
            moments=self.gathered.moments(), remarks=self.gathered.remarks(),
        )  # fmt: skip


def data_of(message: bytes, wanted: int) -> list[bytes]:
    """Every value of one field of a message."""
    return [wire.block(value) for number, value in wire.fields(message) if number == wanted]


def _items(items: Iterable[bytes]) -> dict[str, Any]:
    """Keys with values in JSON; nested keys become nested values."""
    found: dict[str, Any] = {}
    for item in items:
        keys, text = [], ""
        for number, value in wire.fields(item):
            if number in (1, 2):
                keys.append(wire.text(value))
            elif number == VALUE_JSON:
                text = wire.text(value)
        _put(found, [key for key in keys if key] or [""], parsed(text or "null"))
    return found


def _put(found: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inside = found.get(key)
        if not isinstance(inside, dict):
            inside = found[key] = {}
        found = inside
    found[keys[-1]] = value


def _merge(found: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(found.get(name), dict):
            _merge(found[name], value)
        else:
            found[name] = value
