"""TensorBoard's event files: all of one folder are one run, read in the order of their names, as TensorBoard reads them.

Scalars come from ``simple_value`` (torch, Keras 1) and from tensors (tf.summary); images, audio, histograms and texts
either way; the hparams plugin's settings become the run's.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.problems import refuse
from core.records.catalog import readers
from core.records.foreign import ForeignRun, Place
from core.records.formats import wire
from core.records.formats.tensors import Tensor, tensor_in
from core.records.formats.tf_records import Torn, records
from core.records.gathering import Gathering, flat
from core.records.media import audio_event, histogram_event, picture_event, text_event
from core.records.reader import Reader, Tell
from core.records.telling import is_event_file
from core.telemetry.events import Status

Numbers = NDArray[np.float64]
SESSION_START = 1
ENDS: dict[int, Status] = {1: "finished", 2: "failed"}  # of hparams' session_end_info
BYTES_BETWEEN_TELLING = 1 << 20


@readers.register("tensorboard")
class TensorBoard(Reader):
    """A folder of event files."""

    title = "TensorBoard"

    @classmethod
    def places(cls, folder: Path, names: Sequence[str]) -> list[Place]:
        """One, where there is an event file."""
        sizes = [(folder / name).stat().st_size for name in names if is_event_file(name)]
        return [Place(kind=cls.key, path=folder, bytes=sum(sizes))] if sizes else []

    @classmethod
    def read(cls, place: Place, tell: Tell) -> ForeignRun:
        """All files, one after the other."""
        files = sorted(path for path in place.path.iterdir() if is_event_file(path.name) and _is_plain(path))
        if not files:
            raise refuse(f"There are no event files in {place.path}.")
        reading = _Reading()
        for file in files:
            reading.take_file(file, tell)
        gathered = reading.gathered
        series = gathered.series()
        return ForeignRun(
            place=place, title=cls.title, identity=f"{place.path.name}/{files[0].name}", name=place.path.name or str(place.path),
            group=place.path.parent.name, created=reading.first if math.isfinite(reading.first) else files[0].stat().st_mtime,
            status=reading.status, settings=reading.settings, series=series, moments=gathered.moments(),
            remarks=gathered.remarks(),
        )  # fmt: skip


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


class _Reading:
    """What the files say, taken apart."""

    def __init__(self) -> None:
        self.gathered = Gathering()
        self.settings: dict[str, object] = {}
        self.status: Status = "finished"
        self.first = math.nan  # seconds since 1970 of the first event
        self._plugins: dict[str, str] = {}  # by tag; said with the first value only

    def take_file(self, path: Path, tell: Tell) -> None:
        told = 0
        with path.open("rb") as file:
            try:
                for at, data in records(file):
                    self._take_event(data)
                    if at - told >= BYTES_BETWEEN_TELLING:
                        tell(at - told)
                        told = at
            except Torn as torn:
                size = path.stat().st_size
                if size - torn.at:
                    self.gathered.remark(
                        f"{path.name} is not whole: {size - torn.at:,} of its {size:,} bytes could not be read."
                    )
        tell(path.stat().st_size - told)

    def _take_event(self, data: bytes) -> None:
        wall, step, summaries, session = math.nan, 0, [], b""
        try:
            for number, value in wire.fields(data):
                if number == 1:
                    wall = wire.number(value)
                elif number == 2:
                    step = wire.signed(value)
                elif number == 5:
                    summaries.append(wire.block(value))
                elif number == 7:
                    session = wire.block(value)
            if session and any(number == 1 and value == SESSION_START for number, value in wire.fields(session)):
                self.gathered.begin_again(step, wall)
            for summary in summaries:
                for number, value in wire.fields(summary):
                    if number == 1:
                        self._take_value(wire.block(value), step, wall)
        except ValueError:
            self.gathered.leave_out("events that are not as TensorBoard writes them")
        if math.isnan(self.first) and math.isfinite(wall):
            self.first = wall

    def _take_value(self, data: bytes, step: int, wall: float) -> None:
        tag, parts = "", {}
        for number, value in wire.fields(data):
            if number == 1:
                tag = wire.text(value)
            elif number == 9:
                self._take_metadata(tag, wire.block(value)) if tag else parts.update({9: value})
            else:
                parts[number] = value
        if 9 in parts:
            self._take_metadata(tag, wire.block(parts[9]))
        if 2 in parts:
            self.gathered.figure(tag, step, wire.number(parts[2]), wall)
        elif 8 in parts:
            self._take_tensor(tag, tensor_in(wire.block(parts[8])), step, wall)
        elif 5 in parts:
            histogram_event(self.gathered, tag, step, wall, *_buckets(wire.block(parts[5])))
        elif 4 in parts:
            picture_event(self.gathered, tag, step, wall, (_encoded(wire.block(parts[4])),))
        elif 6 in parts:
            audio_event(self.gathered, tag, step, wall, (_encoded(wire.block(parts[6])),))

    def _take_metadata(self, tag: str, data: bytes) -> None:
        for number, value in wire.fields(data):
            if number == 1:
                told = dict(wire.fields(wire.block(value)))
                plugin = wire.text(told.get(1, b""))
                self._plugins.setdefault(tag, plugin)
                if plugin == "hparams":
                    self._take_settings(wire.block(told.get(2, b"")))

    def _take_settings(self, data: bytes) -> None:
        """What the hparams plugin keeps in its metadata."""
        for number, value in wire.fields(data):
            if number == 3:
                for field, inner in wire.fields(wire.block(value)):
                    if field == 1:
                        entry = dict(wire.fields(wire.block(inner)))
                        self.settings |= flat({wire.text(entry.get(1, b"")): _plain(wire.block(entry.get(2, b"")))})
            elif number == 4:
                end = dict(wire.fields(wire.block(value)))
                self.status = ENDS.get(wire.whole(end.get(1, 1)), "finished")

    def _take_tensor(self, tag: str, tensor: Tensor, step: int, wall: float) -> None:
        plugin = self._plugins.get(tag, "")
        if plugin == "hparams":
            return
        if plugin == "text":
            text_event(self.gathered, tag, step, wall, tensor.texts)
        elif plugin == "images" and len(tensor.texts) >= 2:  # width, height, then the images
            picture_event(self.gathered, tag, step, wall, tensor.texts[2:])
        elif plugin == "audio":  # pairs of a clip and its label
            clips = tensor.texts[::2] if len(tensor.shape) == 2 else tensor.texts
            audio_event(self.gathered, tag, step, wall, clips)
        elif plugin == "histograms" and tensor.numbers.ndim == 2 and tensor.numbers.shape[1] == 3:
            left, right, counts = tensor.numbers.T
            histogram_event(self.gathered, tag, step, wall, left, right, counts)
        elif tensor.numbers.size == 1:
            self.gathered.figure(tag, step, float(tensor.numbers.reshape(-1)[0]), wall)
        else:
            self.gathered.leave_out(f"values of the plugin {plugin or 'tensors'}, which has no plot here")


def _encoded(data: bytes) -> bytes:
    """The file within an image's or a clip's message: field 4 of both."""
    return next((wire.block(value) for number, value in wire.fields(data) if number == 4), b"")


def _buckets(data: bytes) -> tuple[Numbers, Numbers, Numbers]:
    """Left edges, right edges and counts of an old histogram; the outermost edges are the smallest and the largest value."""
    parts: dict[int, list[int | bytes]] = {}
    for number, value in wire.fields(data):
        parts.setdefault(number, []).append(value)
    low, high = (wire.number(parts[number][-1]) if number in parts else 0.0 for number in (1, 2))
    limits, counts = wire.numbers(parts.get(6, []), "<f8"), wire.numbers(parts.get(7, []), "<f8")
    if len(limits) != len(counts):
        raise ValueError("a histogram whose edges do not match its counts")
    right = limits.clip(low, high)
    left = right.copy()
    left[1:], left[:1] = right[:-1], low
    return left, right, counts


def _plain(data: bytes) -> object:
    """A google.protobuf.Value; lists and structures as their bytes would say nothing, so as text."""
    for number, value in wire.fields(data):
        if number == 2:
            return wire.number(value)
        if number == 3:
            return wire.text(value)
        if number == 4:
            return bool(wire.whole(value))
    return None
