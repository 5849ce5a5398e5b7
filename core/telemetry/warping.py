"""The cheapest way through two sequences of one clip together: dynamic time warping (Sakoe and Chiba 1978).

Numpy alone: objectives score it, monitors draw it. Axes: T rows, S columns, P steps of the path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.floating]


def warped(cost_TS: Costs, *, band: int | None = None) -> NDArray[np.int64]:
    """The path [P, 2] from the first pair to the last with the least sum of costs, in steps of one row, one column or both.

    ``band``: a path may be as many columns from the diagonal, at most; None: everywhere. Of equally cheap steps the one of both
    is taken, then that of a row. Raises ValueError where there is nothing, or a cost is no number.
    """
    rows, columns = cost_TS.shape
    if not rows or not columns or np.isnan(cost_TS).any():
        raise ValueError("a path goes through at least one row and one column, and over costs that are numbers")
    sum_TS = np.full((rows + 1, columns + 1), np.inf)
    sum_TS[0, 0] = 0.0
    for row in range(1, rows + 1):
        middle = (row - 1) * (columns - 1) / max(rows - 1, 1)
        low, high = (1, columns) if band is None else (middle - band + 1, middle + band + 1)
        for column in range(max(1, int(np.ceil(low))), min(columns, int(np.floor(high))) + 1):
            before = min(sum_TS[row - 1, column - 1], sum_TS[row - 1, column], sum_TS[row, column - 1])
            sum_TS[row, column] = cost_TS[row - 1, column - 1] + before
    if not np.isfinite(sum_TS[-1, -1]):
        raise ValueError(f"no path stays within {band} columns of the diagonal")
    return _back(sum_TS)


def _back(sum_TS: Costs) -> NDArray[np.int64]:
    """From the last pair to the first, then turned round."""
    row, column = np.array(sum_TS.shape) - 1
    path = []
    while row and column:
        path.append((row - 1, column - 1))
        both, up, left = sum_TS[row - 1, column - 1], sum_TS[row - 1, column], sum_TS[row, column - 1]
        if both <= up and both <= left:
            row, column = row - 1, column - 1
        elif up <= left:
            row -= 1
        else:
            column -= 1
    return np.array(path[::-1], dtype=np.int64)


def partners(path_P2: NDArray[np.int64], cost_TS: Costs) -> NDArray[np.int64]:
    """For each row the column of the path that costs least there [T]: one partner, where the path stays in a row for several."""
    found = np.zeros(len(cost_TS), dtype=np.int64)
    for row in range(len(cost_TS)):
        columns = path_P2[path_P2[:, 0] == row, 1]
        found[row] = columns[np.argmin(cost_TS[row, columns])]
    return found
