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
HEAD = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def logged(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where each record ends, and its data. Raises Torn where one is not whole."""
    if file.read(len(FILE_HEAD)) != FILE_HEAD:
        raise Torn(0)
    at, whole, parts = len(FILE_HEAD), len(FILE_HEAD), bytearray()
    while True:
        left = BLOCK - at % BLOCK
        if left < HEAD.size:  # the end of a block that takes no head
            file.read(left)
            at += left
            continue
        head = file.read(HEAD.size)
        if not head and not parts:
            return
        if len(head) < HEAD.size:
            raise Torn(whole)
        checksum, size, kind = HEAD.unpack(head)
        data = file.read(size)
        sensible = kind in (FULL, FIRST) if not parts else kind in (MIDDLE, LAST)
        if len(data) < size or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum or not sensible:
            raise Torn(whole)
        at += HEAD.size + size
        parts += data
        if len(parts) > MOST_BYTES:
            raise Torn(whole)
        if kind in (FULL, LAST):
            whole = at
            yield at, bytes(parts)
            parts.clear()
