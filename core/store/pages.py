"""Rows out of the pages of a torn SQLite file, where the tree above them can no longer be walked.

The format of https://www.sqlite.org/fileformat2.html: leaf pages of tables, their cells, and overflow chains. Which
table a row is of is told by its columns: no two tables of a store share number and kinds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table

LEAF = 0x0D  # the kind of page that holds rows of a table
WIDTHS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
STALE = frozenset({"tail", "command"})  # what was taken from these still lies in freed pages: never brought back


class Row(NamedTuple):
    """A row by its number."""

    number: int
    values: list[Any]


class Rows:
    """Every row found in the pages of a file."""

    def __init__(self, found: Sequence[Row]) -> None:
        self._found = found

    def of(self, table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
        """Those that fit a table: number and values by name."""
        if table.name in STALE or not table.dialect_options["sqlite"]["with_rowid"]:
            return
        names = [column.name for column in table.columns]
        for number, values in self._found:
            if len(values) == len(names) and all(map(_fits, table.columns, values)):
                yield number, {**dict(zip(names, values, strict=True)), "id": number}


def _fits(column: Any, value: Any) -> bool:
    if value is None:
        return bool(column.primary_key or column.nullable)
    if column.primary_key:
        return False  # the number itself; it is not kept twice
    kind = column.type.python_type
    wanted: Any = {str: str, bytes: bytes, float: (int, float)}.get(kind, int)
    return isinstance(value, wanted)


def rows(data: bytes) -> Rows:
    """Read all pages but those that were given back."""
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size if size >= 512 and size & (size - 1) == 0 else 4096
    free = _free(data, size)
    found: list[Row] = []
    for number in range(1, len(data) // size + 1):
        if number not in free:
            found += _page(data, size, number)
    return Rows(found)


def _free(data: bytes, size: int) -> set[int]:
    found: set[int] = set()
    trunk = int.from_bytes(data[32:36], "big")
    while 0 < trunk <= len(data) // size and trunk not in found:
        found.add(trunk)
        page = data[(trunk - 1) * size : trunk * size]
        count = min(int.from_bytes(page[4:8], "big"), size // 4 - 2)
        found |= set(struct.unpack(f">{count}I", page[8 : 8 + 4 * count]))
        trunk = int.from_bytes(page[:4], "big")
    return found


def _page(data: bytes, size: int, number: int) -> Iterator[Row]:
    page, head = data[(number - 1) * size : number * size], 100 if number == 1 else 0
    if page[head] != LEAF:
        return
    count = int.from_bytes(page[head + 3 : head + 5], "big")
    for place in range(head + 8, min(head + 8 + 2 * count, size - 1), 2):
        try:
            yield _cell(data, size, page, int.from_bytes(page[place : place + 2], "big"))
        except (ValueError, IndexError, struct.error, UnicodeDecodeError):
            continue


def _cell(data: bytes, size: int, page: bytes, place: int) -> Row:
    length, place = _varint(page, place)
    number, place = _varint(page, place)
    most, least = size - 35, (size - 12) * 32 // 255 - 23
    local = length
    if length > most:
        rest = least + (length - least) % (size - 4)
        local = rest if rest <= most else least
    payload = page[place : place + local]
    if length > local:
        payload += _overflow(data, size, int.from_bytes(page[place + local : place + local + 4], "big"), length - local)
    if len(payload) != length:
        raise IndexError(length)
    return Row(number, _record(payload))


def _overflow(data: bytes, size: int, page: int, length: int) -> bytes:
    found, seen = b"", set()
    while page and len(found) < length:
        if page in seen or page > len(data) // size:
            raise IndexError(page)
        seen.add(page)
        start = (page - 1) * size
        found += data[start + 4 : start + size]
        page = int.from_bytes(data[start : start + 4], "big")
    return found[:length]


def _record(payload: bytes) -> list[Any]:
    end, place = _varint(payload, 0)
    kinds = []
    while place < end:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    values, place = [], end
    for kind in kinds:
        value, place = _value(payload, place, kind)
        values.append(value)
    if place != len(payload):
        raise IndexError(place)
    return values


def _value(payload: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), place
    width = WIDTHS.get(kind, 8 if kind == 7 else (kind - 12) // 2)
    part = payload[place : place + width]
    if len(part) != width or kind in (10, 11):
        raise IndexError(place)
    place += width
    if kind == 7:
        return struct.unpack(">d", part)[0], place
    if kind < 7:
        return int.from_bytes(part, "big", signed=True), place
    return (part.decode() if kind % 2 else part), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(9):
        byte = data[place + index]
        if index == 8:
            value = value << 8 | byte
            return value - (1 << 64) if value >= 1 << 63 else value, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    raise IndexError(place)
