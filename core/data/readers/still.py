"""One picture from a file of either kind: an image as it is, of a film the frame in its middle."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from core.data.readers.depth import GUESSED
from core.data.readers.image import read_image, size_of
from core.data.readers.video import read_video
from core.data.readers.video_process import FILMS


def read_still(file: Path, *, name: str = "") -> Image.Image:
    """As RGB. Raises Refused naming the file and the reason."""
    if file.suffix.lower() not in FILMS:
        return read_image(file, name=name)
    picture = Image.fromarray(read_video(file, count=1, name=name).frames_TCHW[0].permute(1, 2, 0).numpy())
    picture.info[GUESSED] = 0
    return picture


def still_size(file: Path, *, name: str = "") -> tuple[int, int]:
    """Height and width: of an image from its head, of a film from its frame. Raises Refused naming the file."""
    if file.suffix.lower() not in FILMS:
        return size_of(file, name=name)
    picture = read_still(file, name=name)
    return picture.height, picture.width
