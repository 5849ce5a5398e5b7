"""TensorFlow's TensorProto: a small tensor of numbers or strings inside an event."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.records.formats import wire

STRING, BFLOAT16 = 7, 14
_CONTENT = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
_FLOATS = {5: "<f4", 6: "<f8"}  # fields of repeated numbers
_WHOLES = (7, 10, 11, 16, 17)
_HALVES = 13
MOST_NUMBERS = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Numbers in their shape, or strings in order."""

    shape: tuple[int, ...]
    numbers: NDArray[np.float64]  # of that shape; empty where they are strings
    texts: tuple[bytes, ...] = ()


def tensor_in(data: bytes) -> Tensor:
    """The tensor of a message. Raises ValueError where it makes no sense."""
    parts: dict[int, list[int | bytes]] = {}
    for number, value in wire.fields(data):
        parts.setdefault(number, []).append(value)
    kind = wire.whole(parts[1][-1]) if 1 in parts else 0
    shape = _shape(wire.block(parts[2][-1])) if 2 in parts else ()
    if kind == STRING:
        return Tensor(shape=shape, numbers=np.zeros(0), texts=tuple(wire.block(one) for one in parts.get(8, ())))
    return Tensor(shape=shape, numbers=_filled(_numbers(kind, parts), shape))


def _numbers(kind: int, parts: dict[int, list[int | bytes]]) -> NDArray[np.float64]:
    if 4 in parts:
        content = wire.block(parts[4][-1])
        if kind == BFLOAT16:
            return (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
        if kind not in _CONTENT:
            raise ValueError(f"a tensor of the unknown kind {kind}")
        return np.frombuffer(content, _CONTENT[kind]).astype(np.float64)
    for field, dtype in _FLOATS.items():
        if field in parts:
            return wire.numbers(parts[field], dtype)
    if _HALVES in parts:
        bits = np.array(wire.varints(parts[_HALVES]), dtype="<u2")
        return ((bits.astype("<u4") << 16).view("<f4") if kind == BFLOAT16 else bits.view("<f2")).astype(np.float64)
    for field in _WHOLES:
        if field in parts:
            return np.array([wire.signed(one) for one in wire.varints(parts[field])], dtype=np.float64)
    return np.zeros(1)  # a field that is left out is zero


def _filled(numbers: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """In their shape; where there are fewer, the last one stands for the rest."""
    count = math.prod(shape)
    if count > MOST_NUMBERS or len(numbers) > count:
        raise ValueError(f"a tensor of shape {shape} with {len(numbers)} numbers")
    if 0 < len(numbers) < count:
        numbers = np.concatenate([numbers, np.full(count - len(numbers), numbers[-1])])
    return numbers[:count].reshape(shape)


def _shape(data: bytes) -> tuple[int, ...]:
    sizes = []
    for number, value in wire.fields(data):
        if number == 2:
            told = dict(wire.fields(wire.block(value)))
            sizes.append(wire.signed(told.get(1, 0)))
    if any(size < 0 for size in sizes):
        raise ValueError("a tensor of unknown shape")
    return tuple(sizes)
