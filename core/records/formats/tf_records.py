"""TensorFlow's record files: a length, its checksum, the data, its checksum; one after the other until the file ends."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from core.records.formats.checksums import crc32c, masked

MOST_BYTES = 256 << 20  # of one record
_HEAD, _FOOT = struct.Struct("<QI"), struct.Struct("<I")


class Torn(ValueError):
    """A file that ends within a record, or whose checksum is wrong: whatever follows cannot be read. ``at``: the byte where."""

    def __init__(self, at: int) -> None:
        super().__init__(f"the record at byte {at:,} is not whole")
        self.at = at


def records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where each record ends, and its data. Raises Torn where one is not whole: a writer that was killed leaves half of one."""
    at = 0
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise Torn(at)
        size, checksum = _HEAD.unpack(head)
        if size > MOST_BYTES or masked(crc32c(head[:8])) != checksum:
            raise Torn(at)
        data, foot = file.read(size), file.read(_FOOT.size)
        if len(data) < size or len(foot) < _FOOT.size or masked(crc32c(data)) != _FOOT.unpack(foot)[0]:
            raise Torn(at)
        at += _HEAD.size + size + _FOOT.size
        yield at, data


def record(data: bytes) -> bytes:
    """One record, to be written."""
    size = struct.pack("<Q", len(data))
    return size + _FOOT.pack(masked(crc32c(size))) + data + _FOOT.pack(masked(crc32c(data)))
