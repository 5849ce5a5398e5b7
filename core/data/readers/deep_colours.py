"""Colours of sixteen bits that use the lower ones only: Pillow keeps the upper eight, in which such a picture is black.

They are decoded once more, by PyAV, and scaled by the rule of :mod:`core.data.readers.depth`. Axes: H height, W width, C
colours, the last of four is opacity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.readers.depth import Range, eight_bits, sixteen_bits, written_bits
from core.problems import refuse

_HIGHEST = 2 ** (14 - 8)  # of what Pillow keeps: beyond it no depth but sixteen bits is usual
_COLOURS = {"RGB": 3, "RGBA": 3, "LA": 1}


def is_faint(picture: Image.Image) -> bool:
    """Whether colours of sixteen bits all lie in the lower fourteen."""
    if picture.mode not in _COLOURS or written_bits(picture) != 16:
        return False
    ends = picture.getextrema()[: _COLOURS[picture.mode]]
    return all(end[1] < _HIGHEST for end in ends)  # type: ignore[index]


def scaled(picture: Image.Image, file: Path | BinaryIO, name: str, most_pixels: int) -> tuple[Image.Image, Range]:
    """The picture from all its bits. Raises Refused where that cannot be."""
    numbers = _numbers(file) if picture.width * picture.height <= most_pixels else None
    if numbers is None or numbers.shape[:2] != (picture.height, picture.width):
        raise refuse(
            f"{name} has colours of 16 bits, uses only the lower ones and cannot be read here.",
            hint="Save it with 8 bits, or scale it to 16.",
        )
    found = sixteen_bits(picture, [numbers[..., :3]])
    made = eight_bits(numbers[..., :3], found)
    if numbers.shape[2] == 4:
        opacity = eight_bits(numbers[..., 3:], Range(0.0, 2.0**16 - 1))
        return Image.fromarray(np.concatenate([made, opacity], axis=2)), found
    return Image.fromarray(made), found


def _numbers(file: Path | BinaryIO) -> NDArray[np.uint16] | None:
    """All bits of every sample, [H, W, C]; None where they cannot be had."""
    import av

    if isinstance(file, Path):
        with file.open("rb") as bytes_of:
            return _numbers(bytes_of)
    file.seek(0)
    try:
        with av.open(file) as container:
            frame = next(container.decode(video=0))
            if frame.format.name.startswith("ya16"):
                frame = frame.reformat(format="rgba64le")
            found: NDArray[Any] = frame.to_ndarray()
    except (av.FFmpegError, ValueError, IndexError, StopIteration):
        return None
    return found if found.dtype == np.uint16 and found.ndim == 3 else None
