from __future__ import annotations

import io
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.readers.image import MOST_PIXELS, fitted, read_image
from core.problems import Refused


def noisy(form: str, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, len(mode)), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(file: Path, edge: int) -> None:
    """A PNG of ``edge`` by ``edge`` zeros in a few kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + edge // 8 + 1)
    body = b"".join(packer.compress(row) for _ in range(edge)) + packer.flush()
    header = struct.pack(">IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


@pytest.mark.parametrize("edge", [8200, 13_000, 30_000])
def test_a_picture_of_too_many_pixels_is_refused_from_its_header(tmp_path: Path, edge: int) -> None:
    bomb(tmp_path / "bomb.png", edge)
    assert edge * edge > MOST_PIXELS
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match=r"bomb\.png.*pixels"):
        read_image(tmp_path / "bomb.png", name="bomb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024  # kibibytes


def test_two_hundred_damaged_files_are_a_picture_or_a_sentence() -> None:
    chance = np.random.default_rng(1)
    told = []
    for number in range(200):
        data = bytearray(noisy("PNG" if number % 2 else "JPEG"))
        for place in chance.integers(0, len(data), 1 + number % 12):
            data[place] = int(chance.integers(256))
        if number % 5 == 0:
            data = data[: int(chance.integers(len(data)))]
        try:
            picture = read_image(io.BytesIO(bytes(data)), name=f"{number}.bin")
        except Refused as error:
            told.append((number, str(error)))
        else:
            assert picture.mode == "RGB"
    assert 50 < len(told) < 200
    assert all(f"{number}.bin" in sentence for number, sentence in told)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF", b"text"]
)
def test_what_is_not_a_picture_is_told(content: bytes) -> None:
    with pytest.raises(Refused, match="thing"):
        read_image(io.BytesIO(content), name="thing")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"a\.png is not there"):
        read_image(tmp_path / "a.png", name="a.png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    form = "tiff" if mode in ("CMYK", "I;16", "F") else "png"
    Image.new(mode, (8, 8)).save(tmp_path / f"a.{form}")
    assert read_image(tmp_path / f"a.{form}").mode == "RGB"


def test_transparency_shows_the_background() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(file, "PNG")
    file.seek(0)
    assert read_image(file, background=(1, 2, 3)).getpixel((0, 0)) == (1, 2, 3)


def test_a_cameras_orientation_is_obeyed() -> None:
    picture = Image.new("RGB", (8, 4), "white")
    marks = picture.getexif()
    marks[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=marks)
    file.seek(0)
    assert read_image(file).size == (4, 8)


def test_fitting_keeps_the_whole_picture_and_cropping_its_middle() -> None:
    picture = Image.new("RGB", (40, 20), "black")
    assert fitted(picture, 8)[:, 0, 0].tolist() == [255, 255, 255]
    assert fitted(picture, 8)[:, 4, 4].tolist() == [0, 0, 0]
    for how in ("crop", "stretch"):
        pixels = fitted(picture, 8, how=how)
        assert pixels.shape == (3, 8, 8)
        assert pixels.max() == 0
    assert fitted(Image.new("RGB", (3000, 1), "black"), 8).shape == (3, 8, 8)
