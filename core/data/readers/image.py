"""Pictures from files: checked before they are decoded, composited over a plain background, always RGB.

A picture of more than 64 megapixels is refused from its header alone, before memory is spent on it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from core.problems import Refused, refuse

MOST_PIXELS = 64 * 2**20
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
Colour = tuple[int, int, int]  # 0 to 255
WHITE: Colour = (255, 255, 255)


def read_image(file: Path | BinaryIO, *, background: Colour = WHITE, name: str = "") -> Image.Image:
    """A picture as RGB, transparency over ``background``. Raises Refused naming the file and the reason.

    A camera's orientation mark is obeyed; of an animation the first frame is taken.
    """
    name = name or getattr(file, "name", "the picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # Pillow's remarks on odd metadata
            with Image.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise _too_large(name, picture.width, picture.height)
                return _over(_upright(picture), background)
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse(f"{name} has too many pixels; at most {MOST_PIXELS // 2**20} million are read.") from error
    except UnidentifiedImageError as error:
        raise refuse(f"{name} is not a picture that can be read.", hint=f"Known: {', '.join(FORMATS)}.") from error
    except FileNotFoundError as error:
        raise refuse(f"{name} is not there.") from error
    except MemoryError as error:
        raise refuse(f"{name} does not fit in memory.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything for a damaged file
        raise refuse(f"{name} is damaged: {str(error)[:160] or type(error).__name__}.") from error


def _too_large(name: str, width: int, height: int) -> Refused:
    return refuse(
        f"{name} is {width} by {height} pixels; at most {MOST_PIXELS // 2**20} million pixels are read.",
        hint="Make it smaller.",
    )


def _upright(picture: Image.Image) -> Image.Image:
    turned = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    mark = picture.getexif().get(0x0112) if picture.format in ("JPEG", "TIFF", "WEBP") else None
    return picture.transpose(turned[mark]) if mark in turned else picture


def _over(picture: Image.Image, background: Colour) -> Image.Image:
    if picture.mode not in ("RGBA", "LA", "PA", "P") and "transparency" not in picture.info:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
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
