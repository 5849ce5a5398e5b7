"""Protobuf's wire format, by hand: fields of a message that lies in memory, and fields to be written.

https://protobuf.dev/programming-guides/encoding/. A message is taken apart one level at a time, so nothing nests by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_FLAT = {FIXED64: 8, FIXED32: 4}


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: whole numbers of varints, bytes of all else. Raises ValueError where it is no message."""
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == LENGTH:
            size, place = _varint(data, place)
        elif kind in _FLAT:
            size = _FLAT[kind]
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if size > end - place:
            raise ValueError("a field that is longer than its message")
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first."""
    found = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
    raise ValueError("a number that does not end")


def signed(value: int | bytes) -> int:
    """An int64 as it was before it was written."""
    found = whole(value)
    return found - (1 << 64) if found >> 63 else found


def whole(value: int | bytes) -> int:
    """A varint. Raises ValueError where the field is of another kind."""
    if isinstance(value, bytes):
        raise ValueError("bytes where a number belongs")
    return value


def block(value: int | bytes) -> bytes:
    """Bytes, or a message within. Raises ValueError where the field is of another kind."""
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return value


def text(value: int | bytes) -> str:
    """A string; what is not UTF-8 is written out."""
    return block(value).decode("utf-8", "backslashreplace")


def number(value: int | bytes) -> float:
    """A double or a float, by its length."""
    data = block(value)
    if len(data) == 8:
        return float(_DOUBLE.unpack(data)[0])
    if len(data) == 4:
        return float(_FLOAT.unpack(data)[0])
    raise ValueError(f"{len(data)} bytes where a number belongs")


def numbers(parts: list[int | bytes], dtype: str) -> NDArray[np.float64]:
    """Repeated numbers, packed or one by one. Axes: [n]."""
    width = np.dtype(dtype).itemsize
    data = b"".join(block(part) for part in parts)
    if len(data) % width:
        raise ValueError(f"{len(data)} bytes are no whole count of numbers")
    return np.frombuffer(data, dtype=dtype).astype(np.float64)


def varints(parts: list[int | bytes]) -> list[int]:
    """Repeated whole numbers, packed or one by one."""
    found: list[int] = []
    for part in parts:
        if isinstance(part, int):
            found.append(part)
            continue
        place = 0
        while place < len(part):
            value, place = _varint(part, place)
            found.append(value)
    return found


def of_text(number_: int, value: str) -> bytes:
    """A string field."""
    return of_block(number_, value.encode("utf-8", "replace"))


def of_block(number_: int, value: bytes) -> bytes:
    """A field of bytes, or a message within."""
    return written_varint(number_ << 3 | LENGTH) + written_varint(len(value)) + value


def of_whole(number_: int, value: int) -> bytes:
    """A field of a whole number, negative ones as int64."""
    return written_varint(number_ << 3 | VARINT) + written_varint(value & 0xFFFFFFFFFFFFFFFF)


def of_double(number_: int, value: float) -> bytes:
    """A field of 64 bits."""
    return written_varint(number_ << 3 | FIXED64) + _DOUBLE.pack(value)


def of_float(number_: int, value: float) -> bytes:
    """A field of 32 bits; what is too large for them becomes infinite."""
    return written_varint(number_ << 3 | FIXED32) + np.float32(value).tobytes()


def of_doubles(number_: int, values: NDArray[np.float64]) -> bytes:
    """Packed numbers. Axes: [n]."""
    return of_block(number_, np.ascontiguousarray(values, dtype="<f8").tobytes())


def written_varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)
