"""A file in which events wait while the store cannot be written: records with a length and a checksum, never pickled.

A record is a JSON header and the bytes of its arrays. A torn last record (the process died) is left out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.store.database import Store
from core.store.snapshots import clean, text_of
from core.telemetry import events as vocabulary
from core.telemetry.events import At, Event
from core.telemetry.spans import Span

MAGIC = b"XMSPOOL1"
START = 16  # the magic and the place up to which all is written to the store
RECORD = struct.Struct("<II")
KINDS: Mapping[str, type[Any]] = {
    name: getattr(vocabulary, name)
    for name in ("Scalars", "Histogram", "AttentionMap", "Samples", "Pairs", "Exhibit", "DeviceLoad", "LogLine", "Mark",
                 "PhaseChange", "StatusChange", "Pictures", "Sounds", "Segments", "Codes", "Offsets", "Embeddings")
}  # fmt: skip


class Spool:
    """Events in a file, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = 0  # end of what the last take gave
        self._confirmed, self._end = self._measure()

    @classmethod
    def taken_up(cls, store: Store, run_id: int, attempt: int) -> Spool:
        """Where a run's recorder puts what waits: with what the recorder before it on this machine could not write.

        What an older one left is of no use: another has recorded the run since, and not from there.
        """
        path, before = store.spool_file(run_id, attempt), store.spool_file(run_id, attempt - 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        if before != path:
            with suppress(FileNotFoundError):
                os.replace(before, path)
            for older in path.parent.glob(f"{path.name.rpartition('.')[0].rpartition('.')[0]}.*.spool"):
                if older != path:
                    older.unlink(missing_ok=True)
        return cls(path)

    def discard(self) -> None:
        """Forget what waits."""
        self.path.unlink(missing_ok=True)
        self._confirmed = self._end = self._taken = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._confirmed >= self._end

    def extend(self, events: Iterable[Event]) -> None:
        """Put events at the end and onto the disk. On OSError the file is as before."""
        data = b"".join(_record(event) for event in events)
        fresh = self._end == 0
        if fresh:
            data = MAGIC + START.to_bytes(8, "little") + data
        with self.path.open("wb" if fresh else "r+b", buffering=0) as file:
            try:
                file.seek(self._end)
                _write_all(file, data)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(self._end)
                raise
        self._end += len(data)
        if fresh:
            self._confirmed = START

    def put_first(self, events: Sequence[Event]) -> None:
        """Put events before all others. On OSError the file is as before."""
        if self.is_empty:
            self.extend(events)
            return
        with self.path.open("rb") as file:
            file.seek(self._confirmed)
            rest = file.read(self._end - self._confirmed)
        data = b"".join(_record(event) for event in events)
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            with fresh.open("wb", buffering=0) as file:
                _write_all(file, MAGIC + START.to_bytes(8, "little") + data + rest)
                os.fsync(file.fileno())
            os.replace(fresh, self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self._confirmed, self._end = START, START + len(data) + len(rest)

    def take(self, most: int) -> list[Event]:
        """The oldest events; they stay in the file until :meth:`confirm`."""
        found: list[Event] = []
        place = self._confirmed
        with self.path.open("rb") as file:
            file.seek(place)
            while place < self._end and len(found) < most:
                payload = _payload(file)
                if payload is None:
                    self._end = place  # torn: nothing after it can be read
                    break
                place = file.tell()
                event = _event(payload)
                if event is not None:
                    found.append(event)
        self._taken = place
        return found

    def confirm(self) -> None:
        """What was taken is in the store."""
        if not self._taken:
            return
        self._confirmed, self._taken = self._taken, 0
        if self.is_empty:
            self.path.unlink(missing_ok=True)
            self._confirmed = self._end = 0
            return
        with self.path.open("r+b") as file:
            file.seek(len(MAGIC))
            file.write(self._confirmed.to_bytes(8, "little"))

    def _measure(self) -> tuple[int, int]:
        """Where what waits begins, and the end of the last record that is whole."""
        try:
            with self.path.open("rb") as file:
                head = file.read(START)
                if len(head) < START or head[: len(MAGIC)] != MAGIC:
                    return 0, 0
                start = max(int.from_bytes(head[len(MAGIC) :], "little"), START)
                file.seek(start)
                end = start
                while _payload(file) is not None:
                    end = file.tell()
                return start, end
        except OSError:
            return 0, 0


def _write_all(file: Any, data: bytes) -> None:
    """Unbuffered, so that nothing is left to be written when the disk is full."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def size_of(event: Event) -> int:
    """About how many bytes an event takes in memory."""
    arrays = sum(value.nbytes for value in vars(event).values() if isinstance(value, np.ndarray))
    arrays += sum(len(one) for value in vars(event).values() if _is_files(value) for one in value)
    values = getattr(event, "values", None)
    return 300 + arrays + (100 * len(values) if isinstance(values, Mapping) else 0)


def _is_files(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], bytes)


def _record(event: Event) -> bytes:
    header: dict[str, Any] = {"kind": type(event).__name__, "fields": {}, "arrays": {}, "files": {}}
    blobs: list[bytes] = []
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if isinstance(value, At):
            value = dataclasses.asdict(value)
        if isinstance(value, tuple) and value and isinstance(value[0], Span):
            value = [(span.start, span.end) for span in value]
        if isinstance(value, np.ndarray):
            header["arrays"][field.name] = [value.dtype.str, value.shape, value.nbytes]
            blobs.append(np.ascontiguousarray(value).tobytes())
        elif _is_files(value):
            header["files"][field.name] = [len(one) for one in value]
        else:
            header["fields"][field.name] = value
    blobs += [one for name in header["files"] for one in getattr(event, name)]
    text = clean(text_of(header)).encode()
    payload = b"".join((len(text).to_bytes(4, "little"), text, *blobs))
    return RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def _payload(file: BinaryIO) -> bytes | None:
    head = file.read(RECORD.size)
    if len(head) < RECORD.size:
        return None
    length, checksum = RECORD.unpack(head)
    payload = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


def _event(payload: bytes) -> Event | None:
    length = int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4 : 4 + length])
    if header["kind"] not in KINDS:
        return None
    fields, place = dict(header["fields"]), 4 + length
    fields["at"] = At(**fields["at"])
    for name, (kind, shape, size) in header["arrays"].items():
        fields[name] = np.frombuffer(payload[place : place + size], dtype=np.dtype(kind)).reshape(shape)
        place += size
    for name, sizes in header.get("files", {}).items():
        ends = [place + sum(sizes[: number + 1]) for number in range(len(sizes))]
        fields[name] = tuple(payload[end - size : end] for end, size in zip(ends, sizes))
        place = ends[-1]
    for name in ("sentences", "groups", "origins", "seeds", "titles", "labels", "scores", "over", "originals"):
        if isinstance(fields.get(name), list):
            fields[name] = tuple(fields[name])
    for name in ("words", "frames"):
        if name in fields:
            fields[name] = tuple(tuple(one) for one in fields[name])
    if "spans" in fields:
        fields["spans"] = tuple(Span(start=start, end=end) for start, end in fields["spans"])
    event: Event = KINDS[header["kind"]](**fields)
    return event
