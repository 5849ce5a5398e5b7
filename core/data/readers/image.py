"""Pictures from files: checked before they are decoded, composited over a plain background, always RGB.

A picture of more than 64 megapixels is refused from its header alone, and so is one that would take more than half a
gibibyte to decode. One of more than 16 megapixels comes at half its size: it is worked off in bands of rows, so that what
it takes beside the decoded file stays small. More than eight bits: :mod:`core.data.readers.depth`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from core.data.readers.deep_colours import is_faint, scaled
from core.data.readers.depth import GUESSED, Range, as_grey, is_deep, note_depth, range_of, values
from core.data.readers.picture_formats import FORMATS
from core.problems import Refused, refuse

MOST_PIXELS = 64 * 2**20
WHOLE_PIXELS = 16 * 2**20  # a larger picture comes at half its size
MOST_BYTES = 2**29
_COPIES = {"WEBP": 4, "AVIF": 3}  # decoded in one piece, beside the picture that it becomes
_BAND_PIXELS = 2**20

_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
Colour = tuple[int, int, int]  # 0 to 255
WHITE: Colour = (255, 255, 255)


def read_image(file: Path | BinaryIO, *, background: Colour = WHITE, name: str = "") -> Image.Image:
    """A picture as RGB, transparency over ``background``. Raises Refused naming the file and the reason.

    A camera's orientation mark is obeyed in every format; of an animation the first frame is taken. ``info["guessed bits"]``
    says how many bits a picture of sixteen uses, where it does not say so itself.
    """
    name = name or getattr(file, "name", "the image")
    if isinstance(file, str | Path) and Path(file).exists() and not Path(file).is_file():
        raise refuse(f"{name} is no regular file.", hint="Choose an image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # Pillow's remarks on odd metadata
            with Image.open(file, formats=FORMATS) as picture:
                _check_size(picture, name)
                note_depth(picture)
                picture.load()
                return _upright(picture, _as_rgb(picture, file, background, name))
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse(f"{name} has too many pixels; at most {MOST_PIXELS // 2**20} million are read.") from error
    except UnidentifiedImageError as error:
        raise refuse(f"{name} is not an image that can be read.", hint=f"Known: {', '.join(FORMATS)}.") from error
    except FileNotFoundError as error:
        raise refuse(f"{name} is not there.") from error
    except MemoryError as error:
        raise refuse(f"{name} does not fit in memory.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything for a damaged file
        raise refuse(f"{name} is damaged: {str(error)[:160] or type(error).__name__}.") from error


def _check_size(picture: Image.Image, name: str) -> None:
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise refuse(
            f"{name} is {picture.width} by {picture.height} pixels; at most {MOST_PIXELS // 2**20} million pixels are read.",
            hint="Make it smaller.",
        )
    needed = pixels * 4 * _COPIES.get(picture.format or "", 1)
    if needed > MOST_BYTES:
        raise refuse(
            f"{name} would take {needed // 2**20} mebibytes to decode; at most {MOST_BYTES // 2**20} are spent on an image.",
            hint="Make it smaller.",
        )


def _upright(picture: Image.Image, made: Image.Image) -> Image.Image:
    """As the camera was held. Pillow has turned a TIFF by itself and then takes its mark away."""
    turn = _TURNED.get(picture.getexif().get(0x0112, 1))
    return made if turn is None else made.transpose(turn)


def _as_rgb(picture: Image.Image, file: Path | BinaryIO, background: Colour, name: str) -> Image.Image:
    if is_faint(picture):
        made, found = scaled(picture, file, name, WHOLE_PIXELS)
        made = _over(made, made, background, Range())
    else:
        found = range_of(picture, _bands(picture), name) if is_deep(picture) else Range()
        made = _in_bands(picture, background, found)
    made.info[GUESSED] = found.guessed
    return made


def _in_bands(picture: Image.Image, background: Colour, found: Range) -> Image.Image:
    factor = 1 if picture.width * picture.height <= WHOLE_PIXELS else 2
    if factor == 1:
        return _over(picture, picture, background, found)
    made, top = Image.new("RGB", (-(-picture.width // 2), -(-picture.height // 2))), 0
    for band in _bands(picture):
        part = _over(band, picture, background, found).reduce(factor)
        made.paste(part, (0, top))
        top += part.height
    return made


def _bands(picture: Image.Image) -> Iterator[Image.Image]:
    """An even number of rows at a time."""
    rows = max(1, _BAND_PIXELS // picture.width // 2) * 2
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _over(band: Image.Image, picture: Image.Image, background: Colour, found: Range) -> Image.Image:
    """A band of a picture, or all of it, as RGB on the background; ``found`` is the range of deep greys."""
    if is_deep(picture):
        made, clear = as_grey(band, picture, found).convert("RGB"), picture.info.get("transparency")
        if isinstance(clear, int):
            made.paste(background, mask=Image.fromarray((values(band, picture) == clear).astype(np.uint8) * 255))
        return made
    if band.mode not in ("RGBA", "LA", "PA", "P", "La", "RGBa") and "transparency" not in band.info:
        return band.convert("RGB")
    layer = band.convert("RGBA")
    flat = Image.new("RGBA", layer.size, (*background, 255))
    return Image.alpha_composite(flat, layer).convert("RGB")


def fitted(picture: Image.Image, size: int, background: Colour = WHITE, *, how: str = "fit") -> NDArray[np.uint8]:
    """A square of ``size`` pixels, antialiased. uint8 [3, size, size].

    ``how``: ``fit`` centres the whole picture on the background, ``crop`` cuts the middle square, ``stretch`` distorts.
    """
    box, (width, height) = None, (size, size)
    if how == "fit":
        width, height = (max(1, round(side * size / max(picture.size))) for side in picture.size)
    elif how == "crop":
        edge, (wide, tall) = min(picture.size), picture.size
        box = ((wide - edge) / 2, (tall - edge) / 2, (wide + edge) / 2, (tall + edge) / 2)
    if picture.size != (width, height) or box is not None:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, box=box)
    if (width, height) != (size, size):
        square = Image.new("RGB", (size, size), background)
        square.paste(picture, ((size - width) // 2, (size - height) // 2))
        picture = square
    return np.ascontiguousarray(np.asarray(picture, dtype=np.uint8).transpose(2, 0, 1))
