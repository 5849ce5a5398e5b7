"""CRC-32C (Castagnoli, RFC 3720), which TensorFlow's records carry; masked as LevelDB does it.

Long data is cut into lanes of a kilobyte that are taken through the table side by side, then put together: the register after
a lane is the register before it, moved on by a kilobyte of zeros, and what the lane alone leaves. Axes: L lanes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL, ALL, MASK_DELTA = 0x82F63B78, 0xFFFFFFFF, 0xA282EAD8
LANE = 1024  # bytes
Registers = NDArray[np.uint32]


@cache
def _table() -> Registers:
    found = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        found = np.where(found & 1, (found >> 1) ^ np.uint32(POLYNOMIAL), found >> 1).astype(np.uint32)
    return found


@cache
def _list() -> list[int]:
    return [int(one) for one in _table()]


def crc32c(data: bytes) -> int:
    """The checksum of some bytes."""
    return (_of_lanes(data) if len(data) >= 4 * LANE else _one_by_one(data)) ^ ALL


def _one_by_one(data: bytes) -> int:
    table, register = _list(), ALL
    for byte in data:
        register = table[(register ^ byte) & 255] ^ (register >> 8)
    return register


def _of_lanes(data: bytes) -> int:
    lanes = -(-len(data) // LANE)
    whole = np.zeros(lanes * LANE, dtype=np.uint8)  # zeros before the data leave an empty register empty
    whole[len(whole) - len(data) :] = np.frombuffer(data, dtype=np.uint8)
    whole[len(whole) - len(data) :][:4] ^= 255  # the register begins with ones
    register = 0
    for alone in _moved(np.zeros(lanes, dtype=np.uint32), whole.reshape(lanes, LANE)):
        register = _past_a_lane(register) ^ int(alone)
    return register


def _moved(registers_L: Registers, bytes_LC: NDArray[np.uint8]) -> Registers:
    table = _table()
    for column in np.ascontiguousarray(bytes_LC.T):
        registers_L = table[(registers_L ^ column) & 255] ^ (registers_L >> 8)
    return registers_L


@cache
def _shifts() -> tuple[tuple[int, ...], ...]:
    """For each byte of a register, what each of its values becomes after a lane of zeros."""
    bits = np.array([1 << bit for bit in range(32)], dtype=np.uint32)
    after = _moved(bits, np.zeros((32, LANE), dtype=np.uint8))
    tables = []
    for place in range(4):
        mine = [0] * 256
        for value in range(256):
            for bit in range(8):
                if value >> bit & 1:
                    mine[value] ^= int(after[8 * place + bit])
        tables.append(tuple(mine))
    return tuple(tables)


def _past_a_lane(register: int) -> int:
    first, second, third, fourth = _shifts()
    return (
        first[register & 255] ^ second[register >> 8 & 255] ^ third[register >> 16 & 255] ^ fourth[register >> 24]
    )  # fmt: skip


def masked(checksum: int) -> int:
    """As it stands in a file: a checksum over data that holds checksums must not be one of them."""
    return ((checksum >> 15 | checksum << 17 & ALL) + MASK_DELTA) & ALL
