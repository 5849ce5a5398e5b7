"""A run of the library as TensorBoard's event file: scalars, histograms, images, audio, and its settings as hyperparameters and as text.

Scalars are written as torch's SummaryWriter writes them, as floats of 32 bits, so every reader of event files takes them; steps and
times are kept. Device readings, attention maps and samples have no place there.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.problems import refuse
from core.records.formats import wire
from core.records.formats.tf_records import record
from core.records.media import MADE, as_png
from core.records.reader import Stopped
from core.records.telling import is_event_file
from core.store.answers import HistogramAt
from core.store.library import Library
from core.store.reader import RunReader
from core.telemetry.events import Status

VERSION = "brain.Event:2"
WAV = 11  # AudioPluginData.Encoding
ENDS: dict[str, int] = {"finished": 1, "stopped": 1, "failed": 2, "diverged": 2, "interrupted": 2}  # Status of hparams
EVENTS_BETWEEN_LOOKS = 500
_Value = tuple[int, bytes]  # step, Summary.Value


@dataclass(frozen=True, kw_only=True)
class Written:
    """What came of it."""

    path: Path  # the event file
    values: int  # of scalars
    others: int  # histograms, and steps with images or audio
    beyond: int = 0  # values that 32 bits do not hold: written as infinite or as 0


def export_tensorboard(
    library: Library, uid: str, folder: Path, stops: Callable[[], bool] = lambda: False
) -> Written:  # fmt: skip
    """Write a run into a folder of its own. Raises Refused where there are event files already, OSError where it cannot be written."""
    if folder.is_dir() and any(is_event_file(path.name) for path in folder.iterdir()):
        raise refuse(f"There are event files in {folder} already.", hint="Name another folder: one folder is one run.")
    folder.mkdir(parents=True, exist_ok=True)
    facts, reader = library.facts(uid), library.reader(uid)
    path = folder / f"events.out.tfevents.{int(facts.created)}.crossmodal-studio.{uid}"
    unfinished = folder / f".{uid}.unfinished"
    try:
        values, others, beyond = _write(unfinished, reader, facts.created, _settings(library, uid, facts.status), stops)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Written(path=path, values=values, others=others, beyond=beyond)


def _write(
    path: Path, reader: RunReader, created: float, settings: list[bytes], stops: Callable[[], bool]
) -> tuple[int, int, int]:
    """All of it, by step."""
    names = [info.name for info in reader.series("scalar")]
    scalars = [(step, value) for name in names for step, value in _scalars(reader, name)]
    beyond = sum(_beyond(reader.points(name)[1]) for name in names)
    others = [*_histograms(reader), *_pictures(reader), *_sounds(reader)]
    by_step: dict[int, list[bytes]] = {}
    for step, value in (*scalars, *others):
        by_step.setdefault(step, []).append(value)
    steps = np.array(sorted(by_step), dtype=np.int64)
    walls = created + np.nan_to_num(reader.along(steps, "seconds")) if len(steps) else np.zeros(0)
    with path.open("wb") as file:
        file.write(record(_event(created, 0, file_version=VERSION)))
        file.write(record(_event(created, 0, values=settings)))
        for number, (step, wall) in enumerate(zip(steps.tolist(), walls.tolist())):
            if number % EVENTS_BETWEEN_LOOKS == 0 and stops():
                raise Stopped
            file.write(record(_event(wall, step, values=by_step[step])))
    return len(scalars), len(others), beyond


def _event(wall: float, step: int, *, file_version: str = "", values: list[bytes] | None = None) -> bytes:
    parts = wire.of_double(1, wall) + wire.of_whole(2, step)
    if file_version:
        parts += wire.of_text(3, file_version)
    if values:
        parts += wire.of_block(5, b"".join(wire.of_block(1, value) for value in values))
    return parts


def _scalars(reader: RunReader, name: str) -> Iterator[_Value]:
    steps, values = reader.points(name)
    tag = wire.of_text(1, name)
    with np.errstate(over="ignore"):
        for step, value in zip(steps.tolist(), values.tolist()):
            yield step, tag + wire.of_float(2, value)


def _beyond(values: NDArray[np.float64]) -> int:
    """How many finite values are infinite in 32 bits, and how many that are not 0 are 0."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return int((np.isfinite(values) & (~np.isfinite(short) | ((short == 0) & (values != 0)))).sum())


def _histograms(reader: RunReader) -> Iterator[_Value]:
    for info in reader.series("histogram"):
        for step in reader.snapshot_steps(info.name):
            found = reader.histogram_at(info.name, step)
            if found is not None:
                yield step, wire.of_text(1, info.name) + wire.of_block(5, _histogram(found))


def _histogram(found: HistogramAt) -> bytes:
    """HistogramProto: sums are those of the middles of its bins."""
    counts = found.counts.astype(np.float64)
    edges = np.linspace(found.low, found.high, len(counts) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    sums = (counts.sum(), (counts * middles).sum(), (counts * middles**2).sum())
    told = b"".join(wire.of_double(number, value) for number, value in enumerate((found.low, found.high, *sums), 1))
    return told + wire.of_doubles(6, edges[1:]) + wire.of_doubles(7, counts)


def _pictures(reader: RunReader) -> Iterator[_Value]:
    for info in reader.series("pictures"):
        for step in reader.snapshot_steps(info.name):
            found = reader.pictures_at(info.name, step)
            name = info.name.removeprefix(MADE)
            for tag, names in ((name, found.made), (f"{name}/originals", found.originals)) if found else ():
                files = [png for each in names if (png := as_png(reader.file(each)))]
                if files:
                    yield step, _strings(tag, "images", [b"%d" % side for side in _sides(files[0])] + files)


def _sides(png: bytes) -> tuple[int, int]:
    """Width and height."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _sounds(reader: RunReader) -> Iterator[_Value]:
    for info in reader.series("sounds"):
        for step in reader.snapshot_steps(info.name):
            found = reader.sounds_at(info.name, step)
            name = info.name.removeprefix(MADE)
            for tag, names in ((name, found.made), (f"{name}/originals", found.originals)) if found else ():
                if names:
                    clips = [part for each in names for part in (_wav(reader.file(each)), b"")]
                    yield step, _strings(tag, "audio", clips, columns=2, content=wire.of_whole(2, WAV))


def _wav(flac: bytes) -> bytes:
    """The same samples of 24 bits."""
    samples, hertz = soundfile.read(io.BytesIO(flac), dtype="int32", always_2d=True)
    file = io.BytesIO()
    soundfile.write(file, samples, hertz, format="WAV", subtype="PCM_24")
    return file.getvalue()


def _strings(tag: str, plugin: str, strings: list[bytes], *, columns: int = 0, content: bytes = b"") -> bytes:
    """A Summary.Value whose tensor is strings, for a plugin."""
    sides = (len(strings) // columns, columns) if columns else (len(strings),)
    shape = b"".join(wire.of_block(2, wire.of_whole(1, side)) for side in sides)
    tensor = wire.of_whole(1, 7) + wire.of_block(2, shape) + b"".join(wire.of_block(8, one) for one in strings)
    return wire.of_text(1, tag) + wire.of_block(8, tensor) + _metadata(plugin, content)


def _metadata(plugin: str, content: bytes = b"") -> bytes:
    return wire.of_block(9, wire.of_block(1, wire.of_text(1, plugin) + wire.of_block(2, content)))


def _settings(library: Library, uid: str, status: Status | str) -> list[bytes]:
    """The run's settings as a table of text and for the hparams plugin, and how it ended."""
    params = library.params(uid)
    if not params:
        return []
    table = "\n".join(
        ["| setting | value |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in params.items())]
    )
    entries = b"".join(
        wire.of_block(1, wire.of_text(1, name) + wire.of_block(2, _plain(value))) for name, value in params.items()
    )
    ended = wire.of_whole(1, ENDS.get(str(status), 0))
    return [
        _strings("settings/text_summary", "text", [table.encode()]),
        wire.of_text(1, "_hparams_/session_start_info") + _metadata("hparams", wire.of_block(3, entries)),
        wire.of_text(1, "_hparams_/session_end_info") + _metadata("hparams", wire.of_block(4, ended)),
    ]


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _plain(value: object) -> bytes:
    """A google.protobuf.Value."""
    if value is None:
        return wire.of_whole(1, 0)
    if isinstance(value, bool):
        return wire.of_whole(4, int(value))
    if isinstance(value, int | float):
        return wire.of_double(2, float(value))
    return wire.of_text(3, value if isinstance(value, str) else str(value))
