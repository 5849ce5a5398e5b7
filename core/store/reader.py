"""Reading a run back: the same answers for a run that trains now and one that ended last year.

Every call is one short transaction on a read-only connection (chunks and tail together, so nothing sealed in between
goes missing) and may be made from any one thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from core.problems import refuse
from core.store import axes, made, snapshots, strips
from core.store.answers import (
    AttentionAt,
    Axis,
    CheckpointFacts,
    CodesAt,
    Curve,
    DeviceCurves,
    EmbeddingsAt,
    ExhibitFacts,
    Head,
    HistogramAt,
    HistogramStrip,
    LogFacts,
    MarkFacts,
    OffsetsAt,
    PairsAt,
    PicturesAt,
    RunFacts,
    SamplesAt,
    SegmentsAt,
    SeriesInfo,
    SoundsAt,
)  # fmt: skip
from core.store.curves import LEAST, MOST, Reach, last_upto
from core.store.database import Store
from core.store.facts import facts_of
from core.store.media import MediaFolder
from core.store.places import located
from core.store.schema import checkpoint, exhibit, log, mark, param, run, series, snapshot


class RunReader:
    """One run in a store. ``upto`` limits an answer to what had been said at that step: the cursor."""

    def __init__(self, store: Store, run_id: int) -> None:
        self._store = store
        self._run_id = run_id
        self._known: dict[tuple[str, str], int] = {}
        self._media = MediaFolder(store.media_folder)

    def facts(self) -> RunFacts:
        """The run's row in the library. Raises Refused where the run was purged."""
        with self._store.read() as connection:
            found = facts_of(connection, [self._run_id])
        if not found:
            raise refuse("This run is no longer in the store.")
        return found[0]

    def head(self) -> Head:
        """How far the run has come."""
        columns = (
            run.c.step, run.c.seconds, run.c.epoch, run.c.samples, run.c.steps, run.c.status, run.c.revision,
            run.c.phase, run.c.done, run.c.of, run.c.position,
        )  # fmt: skip
        with self._store.read() as connection:
            row = connection.execute(select(*columns).where(run.c.id == self._run_id)).first()
        return Head(**row._mapping) if row else Head()

    def document_text(self) -> str:
        """The document that the run was started with."""
        with self._store.read() as connection:
            return str(connection.execute(select(run.c.document_text).where(run.c.id == self._run_id)).scalar() or "")

    def param(self, name: str) -> str:
        """A parameter of the run as text; empty where it has none of this name."""
        asked = select(param.c.text).where(param.c.run_id == self._run_id, param.c.name == snapshots.clean(name))
        with self._store.read() as connection:
            found = connection.execute(asked).scalar()
            value = json.loads(found) if found else ""
        return value if isinstance(value, str) else str(value)

    def series(self, kind: str | None = None) -> list[SeriesInfo]:
        """Every series that was said, by name. A device's steps are left at zero: its readings are by the clock."""
        asked = select(series).where(series.c.run_id == self._run_id, series.c.kind != "timeline", series.c.size > 0)
        if kind is not None:
            asked = asked.where(series.c.kind == kind)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(series.c.name)).all()
        return [
            SeriesInfo(
                name=row.name, kind=row.kind, count=row.size, first_step=0 if row.kind == "device" else row.first,
                last_step=0 if row.kind == "device" else row.final,
            )
            for row in rows
        ]  # fmt: skip

    def curve(
        self, name: str, *, axis: Axis = "step", low: float | None = None, high: float | None = None,
        points: int = 1000, upto: int | None = None,
    ) -> Curve:  # fmt: skip
        """A scalar series between two places of an axis, in at most ``points`` buckets that keep every extreme."""
        with self._store.read() as connection:
            first, final = self._steps_between(connection, axis, low, high)
            number = self._id(connection, "scalar", name)
            reach = Reach(connection, number, first, final if upto is None else min(final, upto))
            blocks = reach.blocks(points)
            x = self._along(connection, axis, blocks.keys)
        return Curve(
            name=name, x=x, steps=blocks.keys, low=blocks.low, high=blocks.high, last=blocks.last, count=reach.count,
            nonfinite=blocks.nonfinite,
        )  # fmt: skip

    def points(self, name: str, *, upto: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Every point of a scalar series: steps and values."""
        with self._store.read() as connection:
            reach = Reach(connection, self._id(connection, "scalar", name), LEAST, MOST if upto is None else upto)
            return reach.single()

    def along(self, steps: NDArray[np.int64], axis: Axis) -> NDArray[np.float64]:
        """Where many steps lie on an axis."""
        with self._store.read() as connection:
            return self._along(connection, axis, steps)

    def value_at(self, name: str, step: int) -> tuple[int, float] | None:
        """The last step at or before ``step`` at which the series was said, and its value."""
        with self._store.read() as connection:
            return last_upto(connection, self._id(connection, "scalar", name), step)

    def histogram_at(self, name: str, step: int) -> HistogramAt | None:
        """The last histogram at or before a step."""
        row = self._snapshot("histogram", name, step)
        return self._unpacked(snapshots.unpack_histogram, name, row)

    def histogram_strip(self, name: str, *, columns: int = 200, upto: int | None = None) -> HistogramStrip | None:
        """A series' histograms over time in at most ``columns`` columns; neighbours are added, none is left out."""
        with self._store.read() as connection:
            return strips.strip(connection, self._id(connection, "histogram", name), name, columns, upto)

    def attention_at(self, name: str, step: int) -> AttentionAt | None:
        """The last attention map at or before a step."""
        row = self._snapshot("attention", name, step)
        return self._unpacked(snapshots.unpack_attention, name, row)

    def samples_at(self, name: str, step: int) -> SamplesAt | None:
        """The last nearest answers at or before a step."""
        row = self._snapshot("samples", name, step)
        return self._unpacked(snapshots.unpack_samples, name, row)

    def pairs_at(self, name: str, step: int) -> PairsAt | None:
        """The last pairs at or before a step."""
        row = self._snapshot("pairs", name, step)
        return self._unpacked(snapshots.unpack_pairs, name, row)

    def pictures_at(self, name: str, step: int) -> PicturesAt | None:
        """The last made pictures at or before a step."""
        return self._made(made.unpack_pictures, "pictures", name, step)

    def pictures_over(self, name: str, *, upto: int, most: int) -> list[PicturesAt]:
        """Made pictures over time, at most so many moments: evenly spread, the first and the last always among them."""
        return self._made_over(made.unpack_pictures, "pictures", name, upto, most)

    def sounds_at(self, name: str, step: int) -> SoundsAt | None:
        """The last made sounds at or before a step."""
        return self._made(made.unpack_sounds, "sounds", name, step)

    def sounds_over(self, name: str, *, upto: int, most: int) -> list[SoundsAt]:
        """Made sounds over time, chosen as pictures are."""
        return self._made_over(made.unpack_sounds, "sounds", name, upto, most)

    def segments_at(self, name: str, step: int) -> SegmentsAt | None:
        """The last segments at or before a step."""
        return self._made(made.unpack_segments, "segments", name, step)

    def codes_at(self, name: str, step: int) -> CodesAt | None:
        """The last use of a code book at or before a step."""
        return self._made(made.unpack_codes, "codes", name, step)

    def offsets_at(self, name: str, step: int) -> OffsetsAt | None:
        """The last offsets at or before a step."""
        return self._made(made.unpack_offsets, "offsets", name, step)

    def embeddings_upto(self, name: str, step: int, most: int = 512) -> list[EmbeddingsAt]:
        """Embeddings of every look up to a step, oldest first; of more than ``most`` an even choice with the first and the last."""
        return self._made_over(made.unpack_embeddings, "embeddings", name, step, most)

    def file(self, name: str) -> bytes:
        """A made picture or sound by its content's name. Raises Refused where it is missing or damaged."""
        return self._media.read(name)

    def exhibit(self, name: str) -> ExhibitFacts | None:
        """Pictures and sentences that were said once."""
        asked = select(exhibit).where(exhibit.c.run_id == self._run_id, exhibit.c.name == snapshots.clean(name))
        with self._store.read() as connection:
            row = connection.execute(asked).first()
        return self._unpacked(lambda _, found: snapshots.unpack_exhibit(found), name, row)

    def devices(self) -> list[str]:
        """Every device that was read: ``cpu`` first, then ``gpu0`` and so on."""
        return sorted({info.name.split("/", 1)[0] for info in self.series("device")})

    def device_curves(
        self, device: str, *, points: int = 600, upto: int | None = None, window: float | None = None
    ) -> DeviceCurves:
        """Readings of a device over the run's seconds; where there are many, each bucket's lowest and highest.

        ``window`` gives the last so many seconds only, however long the run is.
        """
        with self._store.read() as connection:
            final = MOST if upto is None else self._milliseconds_upto(connection, upto)
            asked = select(series.c.id, series.c.name, series.c.final).where(
                series.c.run_id == self._run_id, series.c.kind == "device", series.c.size > 0
            )
            found = [row for row in connection.execute(asked) if row.name.split("/", 1)[0] == device]
            ending = min(final, max((row.final for row in found), default=0))
            first = LEAST if window is None else ending - round(window * 1000)
            reaches = {row.name.split("/", 1)[1]: Reach(connection, row.id, first, final) for row in found}
            return strips.device_curves(device, reaches, points)

    def marks(self, *, upto: int | None = None) -> list[MarkFacts]:
        """Moments worth jumping to, in order."""
        rows = self._rows(mark, upto)
        return [
            MarkFacts(
                step=row.step, seconds=row.seconds, kind=row.kind, text=row.text, data=snapshots.data_of(row.data)
            )
            for row in rows
        ]

    def log(self, *, upto: int | None = None, newest: int = 500) -> list[LogFacts]:
        """The newest lines, oldest of them first."""
        asked = select(log).where(log.c.run_id == self._run_id)
        if upto is not None:
            asked = asked.where(log.c.step <= upto)
        with self._store.read() as connection:
            rows = connection.execute(asked.order_by(log.c.id.desc()).limit(newest)).all()
        return [LogFacts(step=row.step, seconds=row.seconds, level=row.level, text=row.text) for row in reversed(rows)]

    def checkpoints(self) -> list[CheckpointFacts]:
        """Every checkpoint that was saved, by step, where it lies now; ``kept`` says whether it is still on disk."""
        home = self._store.files
        asked = select(checkpoint).where(checkpoint.c.run_id == self._run_id).order_by(checkpoint.c.step)
        with self._store.read() as connection:
            rows = connection.execute(asked).all()
        found = {}
        for row in rows:  # one that an older version wrote and a newer one wrote again has two rows
            path = located(home, row.path)
            found[path] = CheckpointFacts(
                step=row.step, path=str(path), metric=row.metric, value=row.value, best=bool(row.best),
                kept=bool(row.kept) and path.exists(),
            )  # fmt: skip
        return list(found.values())

    def has_saved(self) -> bool:
        """Whether a checkpoint was ever saved that this run could go on from, wherever it is now."""
        asked = select(func.count()).where(checkpoint.c.run_id == self._run_id, checkpoint.c.kept == 1)
        with self._store.read() as connection:
            return bool(connection.execute(asked).scalar())

    def snapshot_steps(self, name: str) -> list[int]:
        """Steps at which histograms, attention maps, samples or pairs of that name were said."""
        asked = (
            select(snapshot.c.step)
            .join(series)
            .where(series.c.run_id == self._run_id, series.c.name == snapshots.clean(name))
        )
        with self._store.read() as connection:
            return list(connection.execute(asked.distinct().order_by(snapshot.c.step)).scalars())

    def place(self, step: int, axis: Axis) -> float:
        """Where a step lies on another axis."""
        if axis == "step":
            return float(step)
        with self._store.read() as connection:
            return axes.place(connection, self._id(connection, "timeline", axis), step)

    def step_at(self, value: float, axis: Axis) -> int:
        """The last step that is not beyond a value of an axis."""
        if axis == "step":
            return int(value)
        with self._store.read() as connection:
            return axes.step_at(connection, self._id(connection, "timeline", axis), value)

    def _id(self, connection: Connection, kind: str, name: str) -> int:
        """A series' number; -1, which has no rows, where there is none."""
        if (kind, name) not in self._known:
            asked = select(series.c.id).where(
                series.c.run_id == self._run_id, series.c.kind == kind, series.c.name == snapshots.clean(name)
            )
            number = connection.execute(asked).scalar()
            if number is None:
                return -1
            self._known[kind, name] = number
        return self._known[kind, name]

    def _unpacked(self, unpack: Callable[[str, Any], Any], name: str, row: Any) -> Any:
        """A blob taken apart. Raises Refused where it is damaged."""
        if row is None:
            return None
        with self._store.decoding():
            return unpack(name, row)

    def _made(self, unpack: Callable[..., Any], kind: str, name: str, step: int) -> Any:
        row = self._snapshot(kind, name, step)
        return self._unpacked(lambda name, row: snapshots.unpack_made(unpack, name, row), name, row)

    def _made_over(self, unpack: Callable[..., Any], kind: str, name: str, upto: int, most: int) -> list[Any]:
        with self._store.read() as connection:
            mine = (snapshot.c.series_id == self._id(connection, kind, name)) & (snapshot.c.step <= upto)
            steps = connection.execute(select(snapshot.c.step).where(mine).order_by(snapshot.c.step)).scalars().all()
            places = (
                np.unique(np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)) if steps else ()
            )
            asked = select(snapshot).where(mine, snapshot.c.step.in_([steps[place] for place in places]))
            rows = connection.execute(asked.order_by(snapshot.c.step)).all()
        return [self._unpacked(lambda name, row: snapshots.unpack_made(unpack, name, row), name, row) for row in rows]

    def _snapshot(self, kind: str, name: str, step: int) -> Any:
        with self._store.read() as connection:
            asked = select(snapshot).where(
                snapshot.c.series_id == self._id(connection, kind, name), snapshot.c.step <= step
            )
            return connection.execute(asked.order_by(snapshot.c.step.desc()).limit(1)).first()

    def _rows(self, table: Any, upto: int | None) -> Sequence[Any]:
        asked = select(table).where(table.c.run_id == self._run_id)
        if upto is not None:
            asked = asked.where(table.c.step <= upto)
        with self._store.read() as connection:
            return connection.execute(asked.order_by(table.c.step, table.c.id)).all()

    def _along(self, connection: Connection, axis: Axis, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        if axis == "step":
            return steps.astype(np.float64)
        return axes.along(connection, self._id(connection, "timeline", axis), steps)

    def _steps_between(
        self, connection: Connection, axis: Axis, low: float | None, high: float | None
    ) -> tuple[int, int]:
        if axis == "step":
            first = LEAST if low is None else max(LEAST, int(np.ceil(low)))
            return first, MOST if high is None else min(MOST, int(np.floor(high)))
        number = self._id(connection, "timeline", axis)
        first = LEAST if low is None else axes.first_step_from(connection, number, low)
        return first, MOST if high is None else axes.step_at(connection, number, high)

    def _milliseconds_upto(self, connection: Connection, step: int) -> int:
        """Readings belong to a step until the next one is said."""
        number = self._id(connection, "timeline", "seconds")
        ending = connection.execute(select(func.max(series.c.final)).where(series.c.id == number)).scalar()
        if ending is None or step >= ending:
            return MOST
        return round(axes.place(connection, number, step) * 1000)
