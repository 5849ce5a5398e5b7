"""At which image size a step trains: a table of shares along the run, drawn by (seed, step), so a resumed run draws the same.

``"3, 1, 0; 0, 1, 3"`` with three sizes: three in four of the first, and none of the last, at the start; the reverse at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.graph.mixing import one_of, place_of

PHASES, LINEAR = "phases", "linear"


def numbers_in(text: str) -> tuple[float, ...]:
    """``"3, 1, 0"``. Raises ValueError saying what is no number, or is below zero."""
    found = []
    for word in (word.strip() for word in text.split(",")):
        try:
            number = float(word)
        except ValueError:
            raise ValueError(f"“{word}” is no number.") from None
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"{word} must be a number from 0 up.")
        found.append(number)
    return tuple(found)


def sizes_in(text: str) -> tuple[int, ...]:
    """``"32, 48, 64"``, pixels. Raises ValueError."""
    sizes = tuple(int(number) for number in numbers_in(text))
    if min(sizes) < 1 or len(set(sizes)) < len(sizes):
        raise ValueError(f"Image sizes must be whole numbers from 1 up, each once; they are {text}.")
    return sizes


def longest_as(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width of the same shape with a longest side of ``size``."""
    return max(1, round(height * size / max(height, width))), max(1, round(width * size / max(height, width)))


def in_pixels(size: int) -> str:
    """What series call an image size."""
    return f"{size} px"


def table_in(text: str, sizes: Sequence[int]) -> tuple[tuple[float, ...], ...]:
    """Rows of shares, each summing to one. Raises ValueError where a row has not one number for each size, or only zeros."""
    rows = []
    for line in text.split(";"):
        numbers = numbers_in(line)
        if len(numbers) != len(sizes):
            raise ValueError(f"There are {len(sizes)} image sizes, but {len(numbers)} shares in “{line.strip()}”.")
        if not math.fsum(numbers):
            raise ValueError(f"No image size has a share in “{line.strip()}”.")
        rows.append(tuple(number / math.fsum(numbers) for number in numbers))
    return tuple(rows)


def shares_at(rows: Sequence[Sequence[float]], path: str, step: int, steps: int) -> tuple[float, ...]:
    """The share of each size at the step about to be taken (0-based) of a run of ``steps``.

    Phases: as many equal parts of the run as there are rows. Linear: from row to row.
    """
    if path == PHASES:
        return tuple(rows[min(step * len(rows) // max(steps, 1), len(rows) - 1)])
    place = min(step / max(steps - 1, 1), 1.0) * (len(rows) - 1)
    low = min(int(place), len(rows) - 2) if len(rows) > 1 else 0
    high = min(low + 1, len(rows) - 1)
    return tuple(one + (other - one) * (place - low) for one, other in zip(rows[low], rows[high]))


def drawn_size(sizes: Sequence[int], shares: Sequence[float], seed: int, step: int) -> int:
    """The image size of a step."""
    return one_of(dict(zip(sizes, shares, strict=True)), place_of(seed, "image size", step))
