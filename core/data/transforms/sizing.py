"""How many patches a picture of its own size is cut into: three published rules as pure functions of its sides.

All keep the aspect ratio as nearly as whole patches allow, and none gives more patches than allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PROPORTIONAL, MERGEABLE, FILLED = "proportional", "mergeable", "filled"
MERGED = 2  # patches along an edge that become one token
LONGEST = 200  # times the shorter side: what Qwen2-VL's processor still takes


class LongPicture(Exception):
    """A picture so long that a rule has no size for it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Edge of a patch in pixels, and how many patches a picture may have."""

    patch: int
    most: int
    least: int = 1


def proportional(height: int, width: int, limits: Limits) -> tuple[int, int]:
    """Rows and columns after SigLIP 2's NaFlex (arXiv:2502.14786): smaller in proportion where there are too many, never larger."""
    shrunk = min(1.0, math.sqrt(limits.most * limits.patch**2 / (height * width)))
    rows, columns = (max(1, round(side * shrunk / limits.patch)) for side in (height, width))
    while rows * columns > limits.most:  # rounding went up, or a very long picture has one row
        rows, columns = (rows, columns - 1) if columns >= rows else (rows - 1, columns)
    return rows, columns


def mergeable(height: int, width: int, limits: Limits) -> tuple[int, int]:
    """Rows and columns after Qwen2-VL (arXiv:2409.12191): both even, for two by two patches become one token.

    Raises LongPicture where one side is more than 200 times the other, as its processor does.
    """
    long, short = max(height, width), min(height, width)
    if long > LONGEST * short:
        raise LongPicture(
            f"An image of {width} × {height} pixels is more than {LONGEST} times longer one way than the other."
        )
    factor = limits.patch * MERGED
    sides = [round(side / factor) * factor for side in (height, width)]
    most, least = (count * limits.patch**2 for count in (limits.most, limits.least))
    if sides[0] * sides[1] > most:
        shrunk = math.sqrt(height * width / most)
        sides = [max(factor, math.floor(side / shrunk / factor) * factor) for side in (height, width)]
    elif sides[0] * sides[1] < least:
        grown = math.sqrt(least / (height * width))
        sides = [math.ceil(side * grown / factor) * factor for side in (height, width)]
    rows, columns = (max(side, factor) // limits.patch for side in sides)
    while rows * columns > limits.most:  # the shorter side could not shrink below one token
        rows, columns = (rows, columns - MERGED) if columns >= rows else (rows - MERGED, columns)
    return rows, columns


def filled(height: int, width: int, limits: Limits) -> tuple[int, int]:
    """Rows and columns after Pix2Struct (arXiv:2210.03347): as many patches as allowed, whatever the picture's own size."""
    scale = math.sqrt(limits.most * (limits.patch / height) * (limits.patch / width))
    rows, columns = (min(math.floor(scale * side / limits.patch), limits.most) for side in (height, width))
    return max(rows, 1), max(columns, 1)


RULES: Mapping[str, Callable[[int, int, Limits], tuple[int, int]]] = {
    PROPORTIONAL: proportional, MERGEABLE: mergeable, FILLED: filled,
}  # fmt: skip
