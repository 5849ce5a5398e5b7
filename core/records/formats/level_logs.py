"""LevelDB's log format as W&B writes it: blocks of 32 KiB, records that may be cut into parts, CRC-32 of zlib unmasked.

https://github.com/google/leveldb/blob/main/doc/log_format.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from core.records.formats.tf_records import Torn

BLOCK, MOST_BYTES = 1 << 15, 256 << 20
FILE_HEAD = b":W&B\xe1\xbe\x00"
_HEAD = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def logged(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where each record ends, and its data. Raises Torn where one is not whole."""
    if file.read(len(FILE_HEAD)) != FILE_HEAD:
        raise Torn(0)
    at, whole, parts = len(FILE_HEAD), len(FILE_HEAD), bytearray()
    while True:
        left = BLOCK - at % BLOCK
        if left < _HEAD.size:  # the end of a block that takes no head
            file.read(left)
            at += left
            continue
        head = file.read(_HEAD.size)
        if not head and not parts:
            return
        if len(head) < _HEAD.size:
            raise Torn(whole)
        checksum, size, kind = _HEAD.unpack(head)
        data = file.read(size)
        sensible = kind in (FULL, FIRST) if not parts else kind in (MIDDLE, LAST)
        if len(data) < size or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum or not sensible:
            raise Torn(whole)
        at += _HEAD.size + size
        parts += data
        if len(parts) > MOST_BYTES:
            raise Torn(whole)
        if kind in (FULL, LAST):
            whole = at
            yield at, bytes(parts)
            parts.clear()


def log_of(records: list[bytes]) -> bytes:
    """A file of these records."""
    found = bytearray(FILE_HEAD)
    for data in records:
        first = True
        while True:
            left = BLOCK - len(found) % BLOCK
            if left < _HEAD.size:
                found += bytes(left)
                continue
            part, data = data[: left - _HEAD.size], data[left - _HEAD.size :]
            kind = (LAST if not data else MIDDLE) if not first else (FULL if not data else FIRST)
            found += _HEAD.pack(zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            first = False
            if not data:
                break
    return bytes(found)
