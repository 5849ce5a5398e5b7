"""W&B's file, written by hand: LevelDB's log format."""

from __future__ import annotations

import zlib

from core.records.formats.level_logs import BLOCK, FILE_HEAD, FIRST, FULL, HEAD, LAST, MIDDLE


def log_of(records: list[bytes]) -> bytes:
    """A file of these records."""
    found = bytearray(FILE_HEAD)
    for data in records:
        first = True
        while True:
            left = BLOCK - len(found) % BLOCK
            if left < HEAD.size:
                found += bytes(left)
                continue
            part, data = data[: left - HEAD.size], data[left - HEAD.size :]
            kind = (LAST if not data else MIDDLE) if not first else (FULL if not data else FIRST)
            found += HEAD.pack(zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            first = False
            if not data:
                break
    return bytes(found)
