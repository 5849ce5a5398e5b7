"""Points of a series as arrays: blocks that keep every extreme, and the blobs that chunks and tails are kept in."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems import Refused, refuse

CHUNK = 1024  # points in a sealed chunk
BLOCK = 32  # points behind one stored extreme

Keys = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Consecutive points taken together. NaN is left out of the extremes and counted in ``nonfinite``."""

    keys: Keys  # [n] key of the block's last point
    low: Values  # [n]
    high: Values  # [n]
    last: Values  # [n]
    nonfinite: Keys  # [n] NaN or infinite points in the block

    def __len__(self) -> int:
        return len(self.keys)


def blocks_of(keys: Keys, values: Values, size: int = 1) -> Blocks:
    """Blocks of ``size`` points; the last may be shorter."""
    bad = (~np.isfinite(values)).astype(np.int64)
    return merged(Blocks(keys=keys, low=values, high=values, last=values, nonfinite=bad), size)


def merged(blocks: Blocks, size: int) -> Blocks:
    """Every ``size`` blocks as one."""
    if size == 1 or not len(blocks):
        return blocks
    starts = np.arange(0, len(blocks), size)
    ends = np.minimum(starts + size, len(blocks)) - 1
    return Blocks(
        keys=blocks.keys[ends], low=np.fmin.reduceat(blocks.low, starts), high=np.fmax.reduceat(blocks.high, starts),
        last=blocks.last[ends], nonfinite=np.add.reduceat(blocks.nonfinite, starts),
    )  # fmt: skip


def joined(parts: Sequence[Blocks]) -> Blocks:
    """Blocks one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Blocks(
        keys=_join([part.keys for part in parts], np.int64), low=_join([part.low for part in parts], np.float64),
        high=_join([part.high for part in parts], np.float64), last=_join([part.last for part in parts], np.float64),
        nonfinite=_join([part.nonfinite for part in parts], np.int64),
    )  # fmt: skip


def thinned(blocks: Blocks, most: int) -> Blocks:
    """At most ``most`` blocks. The size doubles, so a growing series changes only at its end between two doublings."""
    size = 1
    while -(-len(blocks) // size) > max(1, most):
        size *= 2
    return merged(blocks, size)


def seal(keys: Keys, values: Values) -> dict[str, Any]:
    """A chunk's row, without ``series_id``."""
    blocks = blocks_of(keys, values, BLOCK)
    stride = _stride(keys)
    key_bytes = b"" if stride else keys.astype("<i8").tobytes()
    data = values.astype("<f8").tobytes()
    checksum = zlib.crc32(data, zlib.crc32(key_bytes))
    return {
        "first": int(keys[0]), "final": int(keys[-1]), "size": len(keys), "stride": stride,
        "last": real(values[-1]), "low": real(np.fmin.reduce(values)), "high": real(np.fmax.reduce(values)),
        "nonfinite": int(blocks.nonfinite.sum()), "checksum": checksum,
        "levels": squeezed(_pack_levels(blocks)), "keys": squeezed(key_bytes), "data": squeezed(data),
    }  # fmt: skip


def unseal(row: Any) -> tuple[Keys, Values]:
    """Keys and values of a chunk's row. Raises Refused where the checksum differs."""
    key_bytes, data = (
        spread(blob, wanted) for blob, wanted in ((row.keys, 0 if row.stride else row.size), (row.data, row.size))
    )
    if key_bytes is None or data is None or zlib.crc32(data, zlib.crc32(key_bytes)) != row.checksum:
        raise _damaged()
    if row.stride:
        keys = row.first + row.stride * np.arange(row.size, dtype=np.int64)
    else:
        keys = np.frombuffer(key_bytes, dtype="<i8")
    return keys, np.frombuffer(data, dtype="<f8")


def _damaged() -> Refused:
    return refuse(
        "A part of this run's points is damaged on disk.", hint="Restore the store from a backup, or delete the run."
    )


def squeezed(numbers: bytes) -> bytes:
    """Eight-byte numbers in fewer bytes, without loss: differences of neighbours, byte by byte, deflated.

    Times, steps and values that came from 32 bits shrink most. What does not get shorter stays as it is.
    """
    bits = np.frombuffer(numbers, dtype="<u8")
    steps = np.diff(bits, prepend=np.zeros(1, dtype="<u8"))  # around the end of 64 bits
    small = zlib.compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T).tobytes(), 6)
    return small if len(small) < len(numbers) else numbers


def spread(blob: bytes, count: int) -> bytes | None:
    """The reverse for so many numbers; None where it is damaged. A blob of their full length was never squeezed."""
    if len(blob) == 8 * count:
        return blob
    try:
        planes = zlib.decompressobj().decompress(blob, 8 * count + 1)  # no more, whatever the blob says
    except zlib.error:
        return None
    if len(planes) != 8 * count:
        return None
    steps = np.ascontiguousarray(np.frombuffer(planes, dtype=np.uint8).reshape(8, -1).T).view("<u8")
    return np.cumsum(steps[:, 0], dtype="<u8").tobytes()


def segment(keys: Keys, values: Values) -> dict[str, Any]:
    """A tail's row, without ``series_id``."""
    return {"size": len(keys), "keys": keys.astype("<i8").tobytes(), "data": values.astype("<f8").tobytes()}


def unsegment(rows: Sequence[Any]) -> tuple[Keys, Values]:
    """Keys and values of a tail, its segments in order."""
    keys = np.frombuffer(b"".join(row.keys for row in rows), dtype="<i8")
    return keys, np.frombuffer(b"".join(row.data for row in rows), dtype="<f8")


def levels_of(rows: Sequence[Any]) -> Blocks:
    """Stored blocks of 32 points of many chunks, in order."""
    counts = [-(-row.size // BLOCK) for row in rows]
    if counts and min(counts) == max(counts):  # the common case: one copy for all
        width = counts[0]
        levels = b"".join(_whole_levels(row, width) for row in rows)
        packed = np.frombuffer(levels, dtype="<f8").reshape(len(rows), 5, width)
        low, high, last, bad = (packed[:, index].reshape(-1) for index in range(1, 5))
        keys = packed[:, 0].reshape(-1).view(np.int64)
        return Blocks(keys=keys, low=low, high=high, last=last, nonfinite=bad.astype(np.int64))
    return joined([_unpack_levels(_whole_levels(row, count)) for row, count in zip(rows, counts)])


def whole_chunks(rows: Sequence[Any]) -> Blocks:
    """One block a chunk, from its columns alone."""
    return Blocks(
        keys=np.array([row.final for row in rows], dtype=np.int64), low=_reals([row.low for row in rows]),
        high=_reals([row.high for row in rows]), last=_reals([row.last for row in rows]),
        nonfinite=np.array([row.nonfinite for row in rows], dtype=np.int64),
    )  # fmt: skip


def real(value: Any) -> float | None:
    """A float for a REAL column: NaN becomes NULL."""
    number = float(value)
    return None if number != number else number


def finite(value: Any) -> float:
    """A place on an axis: 0 where it is no number, because a run must have a time whatever its clock says."""
    place = float(value)
    return place if math.isfinite(place) else 0.0


def number(value: float | None) -> float:
    """The reverse of :func:`real`."""
    return float("nan") if value is None else value


def _reals(values: Sequence[float | None]) -> Values:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _stride(keys: Keys) -> int:
    if len(keys) < 2:
        return 1
    steps = np.diff(keys)
    return int(steps[0]) if bool((steps == steps[0]).all()) else 0


def _pack_levels(blocks: Blocks) -> bytes:
    rows = [blocks.keys.astype("<i8").view("<f8"), blocks.low, blocks.high, blocks.last, blocks.nonfinite.astype("<f8")]
    return b"".join(np.ascontiguousarray(row, dtype="<f8").tobytes() for row in rows)


def _whole_levels(row: Any, width: int) -> bytes:
    found = spread(row.levels, 5 * width)
    if found is None:
        raise _damaged()
    return found


def _unpack_levels(data: bytes) -> Blocks:
    packed = np.frombuffer(data, dtype="<f8").reshape(5, -1)
    return Blocks(
        keys=packed[0].view(np.int64), low=packed[1], high=packed[2], last=packed[3],
        nonfinite=packed[4].astype(np.int64),
    )  # fmt: skip


def _join(arrays: Sequence[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=kind)
