"""Event files, written by hand from TensorFlow's protos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.records.formats import wire
from core.records.formats.tf_records import record

NAME = "events.out.tfevents.1700000000.host.1.0"


def event(wall: float, step: int = 0, *, summary: bytes = b"", version: bool = False, start: bool = False) -> bytes:
    parts = wire.of_double(1, wall) + wire.of_whole(2, step)
    if version:
        parts += wire.of_text(3, "brain.Event:2")
    if summary:
        parts += wire.of_block(5, summary)
    if start:
        parts += wire.of_block(7, wire.of_whole(1, 1))
    return parts


def value(tag: str, *parts: bytes, plugin: str = "", content: bytes = b"") -> bytes:
    told = b""
    if plugin:
        told = wire.of_block(9, wire.of_block(1, wire.of_text(1, plugin) + wire.of_block(2, content)))
    return wire.of_block(1, wire.of_text(1, tag) + told + b"".join(parts))


def scalar(tag: str, number: float) -> bytes:
    return value(tag, wire.of_float(2, number))


def double_tensor(tag: str, number: float) -> bytes:
    """As tf.summary.scalar of a float64 writes it."""
    shape = wire.of_block(2, b"")
    return value(tag, wire.of_block(8, wire.of_whole(1, 2) + shape + wire.of_double(6, number)), plugin="scalars")


def write(folder: Path, events: Iterable[bytes], name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    data = b"".join(record(one) for one in (event(1_700_000_000.0, version=True), *events))
    (folder / name).write_bytes(data)
    return folder / name
