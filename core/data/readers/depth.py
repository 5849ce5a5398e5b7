"""Grey pictures of more than eight bits as eight, each scaled by the range it was written in, never cut off at 255.

Sixteen bits without a sign: 0 is black, 65,535 white (4,095 for a TIFF of twelve bits). Real numbers: where all lie between
0 and 1, 0 is black and 1 white. Every other picture (32 bits, signed, real numbers of another range) says nothing about
its range: its own lowest value is black and its highest white. Axes: H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.problems import refuse

_BITS, _PHOTOMETRIC, _SIGN = 258, 262, 339  # tags of TIFF
_UNSIGNED, _WHITE_IS_ZERO = 1, 0


def is_deep(picture: Image.Image) -> bool:
    """Whether its greys have more than eight bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def values(band: Image.Image, picture: Image.Image) -> NDArray[np.float64]:
    """The numbers of a band of a deep picture as they were written, [H, W]."""
    found: NDArray[Any] = np.asarray(band)
    if (
        band.mode == "I"
        and picture.format == "TIFF"
        and (_tag(picture, _BITS), _tag(picture, _SIGN)) == (32, _UNSIGNED)
    ):
        found = found.view(np.uint32)  # Pillow hands out 32 unsigned bits as signed
    return found.astype(np.float64)


def _tag(picture: Image.Image, number: int) -> int:
    entry = getattr(picture, "tag_v2", {}).get(number, 1)
    return int(entry[0] if isinstance(entry, tuple) else entry)


def range_of(picture: Image.Image, bands: Iterable[Image.Image], name: str) -> tuple[float, float]:
    """What is black and what is white. Raises Refused where a pixel is not a number."""
    black, white = _range(picture, bands, name)
    return (
        (white, black) if picture.format == "TIFF" and _tag(picture, _PHOTOMETRIC) == _WHITE_IS_ZERO else (black, white)
    )


def _range(picture: Image.Image, bands: Iterable[Image.Image], name: str) -> tuple[float, float]:
    if picture.mode.startswith("I;16"):
        return 0.0, 2.0 ** (_tag(picture, _BITS) if picture.format == "TIFF" else 16) - 1
    if picture.mode == "I" and picture.format in ("PPM", "PNG"):
        return 0.0, 2.0**16 - 1
    low, high = np.inf, -np.inf
    for band in bands:
        found = values(band, picture)
        if not np.isfinite(found).all():
            raise refuse(f"{name} has pixels that are not numbers.", hint="Fill them before it is read.")
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    if picture.mode == "F" and low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high


def as_grey(band: Image.Image, picture: Image.Image, black: float, white: float) -> Image.Image:
    """A band in eight bits; one grey value everywhere, and no range to see it in, is black."""
    share_HW = (values(band, picture) - black) / ((white - black) or 1.0)
    return Image.fromarray((share_HW * 255 + 0.5).clip(0, 255).astype(np.uint8))
