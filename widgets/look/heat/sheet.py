"""Frames of a film laid out in rows, the first at the upper left, so that a map over time, height and width is a map over one picture.

Axes: T frames, H rows and W columns of a frame, or of its cells.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def across(frames: int) -> int:
    """Frames in a row: no row is shorter than another, and the sheet is rather wide than high."""
    return next(count for count in range(math.isqrt(max(frames - 1, 0)) + 1, frames + 1) if frames % count == 0)


def laid_out(weights_THW: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cells of every frame in the place of that frame on the sheet."""
    frames, high, wide = weights_THW.shape
    columns = across(frames)
    rows = frames // columns
    apart = weights_THW.reshape(rows, columns, high, wide).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(apart.reshape(rows * high, columns * wide))


def sheet(strip_HW3: NDArray[np.uint8], shown: int, frames: int) -> NDArray[np.uint8]:
    """A picture of ``shown`` frames side by side as a sheet of ``frames``; of fewer, the middle ones of as many each."""
    high, wide = strip_HW3.shape[0], strip_HW3.shape[1] // shown
    every = strip_HW3[:, : wide * shown].reshape(high, shown, wide, 3).transpose(1, 0, 2, 3)
    some = every[[min(int((number + 0.5) * shown / frames), shown - 1) for number in range(frames)]]
    columns = across(frames)
    apart = some.reshape(frames // columns, columns, high, wide, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(apart.reshape(frames // columns * high, columns * wide, 3))


def cell_on_sheet(place: int, frames: int, high: int, wide: int) -> tuple[int, int]:
    """Row and column on the sheet of a cell that is counted frame by frame."""
    frame, rest = divmod(place, high * wide)
    (down, right), (y, x) = divmod(frame, across(frames)), divmod(rest, wide)
    return down * high + y, right * wide + x


def cell_of(row: int, column: int, frames: int, high: int, wide: int) -> int:
    """The inverse."""
    (down, y), (right, x) = divmod(row, high), divmod(column, wide)
    return ((down * across(frames) + right) * high + y) * wide + x
