"""Pictures of more than eight bits as eight, each scaled by the range it was written in, never cut off at 255.

The rule for sixteen bits without a sign (grey, or colours; black is 0), in this order:

1. What the file says is white: PNG's sBIT, TIFF's BitsPerSample (12), WhiteLevel and MaxSampleValue, PGM's greatest value.
   A PNG whose sBIT says that fewer bits count is written filled up to sixteen, as the standard wants, where its numbers
   exceed those bits or end in zeros only; else it is written unfilled. A dark picture that says its depth stays dark.
2. Where it says nothing: the smallest usual depth (8, 10, 12, 14 or 16 bits) that holds its greatest number, for cameras and
   microscopes write twelve bits into sixteen. It is told on the data page, for a picture that was meant to be dark would
   have to say so. Depths, not the greatest number itself, so that pictures of one camera keep their brightness.

Real numbers: where all lie between 0 and 1, 0 is black and 1 white. Every other picture (32 bits, signed, real numbers of
another range) says nothing about its range: its own lowest value is black and its highest white. Axes: H height, W width.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.problems import refuse

_BITS, _PHOTOMETRIC, _MAX_SAMPLE, _SIGN, _WHITE_LEVEL = 258, 262, 281, 339, 50717  # tags of TIFF
_UNSIGNED, _WHITE_IS_ZERO = 1, 0
DEPTHS = (8, 10, 12, 14, 16)
_SAID = "significant bits"  # in a picture's info
GUESSED = "guessed bits"


class Range(NamedTuple):
    """What is black and what is white; ``guessed``: bits that a picture of sixteen uses without saying so, else 0."""

    black: float = 0.0
    white: float = 0.0
    guessed: int = 0


def is_deep(picture: Image.Image) -> bool:
    """Whether its greys have more than eight bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def note_depth(picture: Image.Image) -> None:
    """Before a PNG's pixels are decoded: keep what it says of its depth, which Pillow passes over."""
    if picture.format == "PNG":
        file = cast(BinaryIO, picture.fp)  # type: ignore[attr-defined]
        place = file.tell()
        try:
            picture.info[_SAID] = _png_depth(file)
        finally:
            file.seek(place)


def _png_depth(file: BinaryIO) -> tuple[int, int]:
    """Bits that are written for each sample, and bits that count (0: not said)."""
    file.seek(8)
    written = count = 0
    for _ in range(64):  # sBIT stands before the palette and the pixels
        head = file.read(8)
        if len(head) < 8 or head[4:] in (b"IDAT", b"PLTE"):
            break
        (length,) = struct.unpack(">I", head[:4])
        if head[4:] == b"IHDR":
            written = file.read(length)[8]
        elif head[4:] == b"sBIT" and 1 <= length <= 4:
            count = max(file.read(length)[: 1 if length < 3 else 3])
        else:
            file.seek(length, 1)
        file.seek(4, 1)
    return written, count if count <= written else 0


def written_bits(picture: Image.Image) -> int:
    """How many bits each sample has in the file, where that is known of its format."""
    if picture.format == "TIFF":
        return _tag(picture, _BITS)
    return int(picture.info.get(_SAID, (8, 0))[0])


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


def _tag(picture: Image.Image, number: int, missing: int = 1) -> int:
    entry = getattr(picture, "tag_v2", {}).get(number, missing)
    return int(max(entry) if isinstance(entry, tuple) else entry)


def range_of(picture: Image.Image, bands: Iterable[Image.Image], name: str) -> Range:
    """What is black and what is white of greys. Raises Refused where a pixel is not a number."""
    found = _range(picture, bands, name)
    if picture.format == "TIFF" and _tag(picture, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        return found._replace(black=found.white, white=found.black)
    return found


def _range(picture: Image.Image, bands: Iterable[Image.Image], name: str) -> Range:
    if picture.format == "PPM" and picture.mode != "F":
        return Range(0.0, 2.0**16 - 1)  # Pillow has scaled it by the greatest value that the file names
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG"):
        return sixteen_bits(picture, (np.asarray(band) for band in bands))
    low, high = np.inf, -np.inf
    for band in bands:
        found = values(band, picture)
        if not np.isfinite(found).all():
            raise refuse(f"{name} has pixels that are not numbers.", hint="Fill them before it is read.")
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    if picture.mode == "F" and low >= 0 and high <= 1:
        return Range(0.0, 1.0)
    return Range(low, high)


def sixteen_bits(picture: Image.Image, parts: Iterable[NDArray[Any]]) -> Range:
    """White of numbers of up to sixteen bits, by the rule above; ``parts`` are all of them, in any shape."""
    highest = used = 0
    for part in parts:
        highest = max(highest, int(part.max(initial=0)))
        used |= int(np.bitwise_or.reduce(part, axis=None))
    if white := _said_white(picture, highest, used):
        return Range(0.0, float(white))
    bits = next(bits for bits in DEPTHS if highest < 2**bits)
    return Range(0.0, 2.0**bits - 1, bits if 0 < bits < 16 and highest else 0)


def _said_white(picture: Image.Image, highest: int, used: int) -> int:
    """The number that the file says is white; 0 where it says nothing, or less than it holds."""
    if picture.format == "TIFF":
        if (bits := _tag(picture, _BITS)) < 16:
            return 2**bits - 1
        said = _tag(picture, _WHITE_LEVEL, 0) or _tag(picture, _MAX_SAMPLE, 0)
        return said if highest <= said < 2**16 else 0
    written, count = picture.info.get(_SAID, (16, 0))
    if not count:
        return 0
    filled = highest >= 2**count or not used % 2 ** (written - count)
    return int(2**written - 1 if filled else 2**count - 1)


def as_grey(band: Image.Image, picture: Image.Image, found: Range) -> Image.Image:
    """A band in eight bits; one grey value everywhere, and no range to see it in, is black."""
    return Image.fromarray(eight_bits(values(band, picture), found))


def eight_bits(numbers: NDArray[Any], found: Range) -> NDArray[np.uint8]:
    """Numbers between black and white as 0 to 255."""
    shares = (numbers - found.black) / ((found.white - found.black) or 1.0)
    made: NDArray[np.uint8] = (shares * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return made
