"""Pictures as cameras, scanners and microscopes write them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from core.data.readers.image import read_image
from core.data.readers.picture_formats import ENDINGS, UNREAD, left_out
from core.data.report import report_of
from core.data.sources.caption_table import CaptionTable
from core.problems import Refused
from tests.core.data.test_image_reader import bomb, chunk

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
# Corners (top left, top right, bottom left, bottom right) after the mark is obeyed, by the EXIF standard.
RIGHT = {
    1: (RED, GREEN, BLUE, YELLOW), 2: (GREEN, RED, YELLOW, BLUE), 3: (YELLOW, BLUE, GREEN, RED),
    4: (BLUE, YELLOW, RED, GREEN), 5: (RED, BLUE, GREEN, YELLOW), 6: (BLUE, RED, YELLOW, GREEN),
    7: (YELLOW, GREEN, BLUE, RED), 8: (GREEN, YELLOW, RED, BLUE),
}  # fmt: skip
FORMS = ["JPEG", "PNG", "WEBP", "TIFF", "MPO", *(["AVIF"] if features.check("avif") else [])]


def four_corners() -> Image.Image:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30], pixels[:20, 30:], pixels[20:, :30], pixels[20:, 30:] = RED, GREEN, BLUE, YELLOW
    return Image.fromarray(pixels)


def corners(picture: Image.Image) -> tuple[Any, ...]:
    wide, high = picture.size
    places = ((3, 3), (wide - 4, 3), (3, high - 4), (wide - 4, high - 4))
    pixels: list[Any] = [picture.getpixel(place) for place in places]
    return tuple(min((RED, GREEN, BLUE, YELLOW), key=lambda c: sum((a - b) ** 2 for a, b in zip(c, p))) for p in pixels)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mark", range(1, 9))
def test_every_orientation_mark_is_obeyed_once_in_every_format(form: str, mark: int) -> None:
    marks = Image.Exif()
    marks[0x0112] = mark
    more: dict[str, Any] = (
        {"save_all": True, "append_images": [four_corners().resize((30, 20))]} if form == "MPO" else {}
    )
    file = io.BytesIO()
    four_corners().save(file, form, exif=marks.tobytes(), **more)
    file.seek(0)
    picture = read_image(file, name=form)
    assert picture.size == ((40, 60) if mark >= 5 else (60, 40))
    assert corners(picture) == RIGHT[mark]


def ramp(low: float, high: float, kind: str) -> Image.Image:
    values = np.tile(np.linspace(low, high, 64), (8, 1))
    return Image.fromarray(values.round().astype(kind) if kind[-2] != "f" else values.astype(kind))


def saved(picture: Image.Image, form: str, **more: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, form, **more)
    file.seek(0)
    return file


EVEN = np.linspace(0, 255, 64)


@pytest.mark.parametrize(
    ("file", "right"),
    [
        (saved(ramp(0, 65_535, "<u2"), "PNG"), EVEN),
        (saved(ramp(0, 65_535, "<u2"), "TIFF"), EVEN),
        (saved(ramp(0, 65_535, ">u2"), "TIFF"), EVEN),
        (saved(ramp(0, 4_095, "<u2"), "TIFF"), EVEN),
        (saved(ramp(0, 4_095, "<u2"), "PNG"), EVEN),
        (saved(ramp(0, 3_000, "<u2"), "PNG"), EVEN * 3_000 / 4_095),
        (saved(ramp(0, 1_023, "<u2"), "PNG"), EVEN),
        (saved(ramp(0, 4_095, "<u2"), "TIFF", tiffinfo={262: 0}), EVEN[::-1]),
        (saved(ramp(0, 65_535, "<u2"), "TIFF", tiffinfo={262: 0}), EVEN[::-1]),  # white is zero
        (io.BytesIO(b"P5\n64 8\n65535\n" + np.asarray(ramp(0, 65_535, ">u2")).astype(">u2").tobytes()), EVEN),
        (io.BytesIO(b"P5\n64 8\n1023\n" + np.asarray(ramp(0, 1_023, ">u2")).astype(">u2").tobytes()), EVEN),
        (saved(ramp(-5_000, 70_000, "<i4"), "TIFF"), EVEN),
        (saved(ramp(0, 2**31 - 1, "<i4"), "TIFF"), EVEN),
        (saved(ramp(0, 1, "<f4"), "TIFF"), EVEN),
        (saved(ramp(0.25, 0.5, "<f4"), "TIFF"), 63.75 + EVEN / 4),
        (saved(ramp(-3, 1_000, "<f4"), "TIFF"), EVEN),
    ],
    ids="png16 tiff16 tiff16b tiff12 png12 png12part png10 inverted12 inverted16 pgm16 pgm10 int32 int31 float01 floatpart float".split(),
)  # fmt: skip
def test_deep_greys_are_scaled_by_their_own_range(file: io.BytesIO, right: np.ndarray[Any, Any]) -> None:
    row = np.asarray(read_image(file, name="grey"))[4].astype(float)
    assert (row == row[:, :1]).all()
    np.testing.assert_allclose(row[:, 0], right, atol=1.0)


def with_sbit(file: io.BytesIO, bits: bytes) -> io.BytesIO:
    """The PNG with a word on how many bits count."""
    whole = file.getvalue()
    head = 8 + 25
    return io.BytesIO(whole[:head] + chunk(b"sBIT", bits) + whole[head:])


@pytest.mark.parametrize(
    ("file", "right"),
    [
        (with_sbit(saved(ramp(0, 4_095, "<u2"), "PNG"), b"\x10"), EVEN * 4_095 / 65_535),
        (with_sbit(saved(ramp(0, 1_000, "<u2"), "PNG"), b"\x0c"), EVEN * 1_000 / 4_095),
        (with_sbit(saved(ramp(0, 65_535, "<u2"), "PNG"), b"\x0c"), EVEN),
        (with_sbit(saved(Image.fromarray(np.asarray(ramp(0, 255, "<u2")) << 4), "PNG"), b"\x0c"), EVEN / 16),
        (with_sbit(saved(ramp(0, 4_095, "<u2"), "PNG"), b"\x11"), EVEN),
        (saved(ramp(0, 4_095, "<u2"), "TIFF", tiffinfo={281: 65_535}), EVEN * 4_095 / 65_535),
        (saved(ramp(0, 2_000, "<u2"), "TIFF", tiffinfo={281: 4_095}), EVEN * 2_000 / 4_095),
        (saved(ramp(0, 4_095, "<u2"), "TIFF", tiffinfo={281: 100}), EVEN),
        (io.BytesIO(b"P5\n64 8\n65535\n" + np.asarray(ramp(0, 4_095, ">u2")).astype(">u2").tobytes()), EVEN / 16),
    ],
    ids="sbit16 sbit12 filled filleddark sbitodd tiff16 tiff12 tiffwrong pgm".split(),
)  # fmt: skip
def test_a_picture_that_says_its_depth_is_scaled_by_it(file: io.BytesIO, right: np.ndarray[Any, Any]) -> None:
    np.testing.assert_allclose(np.asarray(read_image(file, name="grey"))[4, :, 0].astype(float), right, atol=1.0)


def colours16(kind: int, numbers: np.ndarray[Any, Any], more: bytes = b"") -> io.BytesIO:
    """A PNG of sixteen bits per sample; kind 2: colours, 4: grey and opacity, 6: colours and opacity. [H, W, C]"""
    high, wide = numbers.shape[:2]
    rows = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 16, kind, 0, 0, 0)) + more
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


@pytest.mark.parametrize(("kind", "count"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_twelve_bits_in_sixteen_are_seen(kind: int, count: int) -> None:
    numbers = np.repeat(np.asarray(ramp(0, 4_095, "<u2"))[..., None], count, axis=2)
    if count % 2 == 0:
        numbers[..., -1] = 65_535
        numbers[0, :, -1] = 0
    made = read_image(colours16(kind, numbers), background=(9, 9, 9))
    np.testing.assert_allclose(np.asarray(made)[4].astype(float), np.repeat(EVEN[:, None], 3, axis=1), atol=1.0)
    assert made.getpixel((32, 0)) == (made.getpixel((32, 4)) if count == 3 else (9, 9, 9))
    assert made.info["guessed bits"] == 12
    said = chunk(b"sBIT", b"\x10" * count)
    dark = read_image(colours16(kind, numbers, said))
    assert np.asarray(dark)[4].max() == 16, "it says that sixteen bits count"
    assert dark.info["guessed bits"] == 0


def test_colours_too_large_to_be_read_twice_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import core.data.readers.image as module

    monkeypatch.setattr(module, "WHOLE_PIXELS", 100)
    numbers = np.repeat(np.asarray(ramp(0, 4_095, "<u2"))[..., None], 3, axis=2)
    with pytest.raises(Refused, match=r"faint\.png has colours of 16 bits"):
        read_image(colours16(2, numbers), name="faint.png")


def test_a_guessed_depth_is_told_with_the_data(tmp_path: Path) -> None:
    for number in range(12):
        kind = ramp(0, 4_095 if number < 3 else 65_535, "<u2")
        Image.fromarray(np.roll(np.asarray(kind), number, 1)).save(tmp_path / f"{number}.png")
    lines = [f"{number}.png,thing {number}" for number in range(12)]
    (tmp_path / "captions.csv").write_text("\n".join(["file,caption", *lines]))
    source = CaptionTable(CaptionTable.Config(folder=str(tmp_path), image_size=16))
    told = [problem for problem in report_of(source).problems if "16 bits" in problem.what]
    assert [problem.severity for problem in told] == ["warning"]
    assert "read as 12 bits, for they use no more (3, such as '0.png')" in told[0].what
    assert source.left_out() == 0


def test_unsigned_thirty_two_bits_are_not_taken_for_negative() -> None:
    values = np.tile(np.linspace(0, 2**32 - 1, 64).astype(np.uint32), (8, 1))
    signed = saved(Image.fromarray(values.view(np.int32)), "TIFF").getvalue()
    with_sign, without = (struct.pack("<HHIHH", 339, 3, 1, kind, 0) for kind in (2, 1))
    assert signed.count(with_sign) == 1
    file = io.BytesIO(signed.replace(with_sign, without))
    np.testing.assert_allclose(np.asarray(read_image(file, name="grey"))[4, :, 0], EVEN, atol=1.0)


def test_a_real_picture_with_a_hole_is_refused_by_name() -> None:
    values = np.zeros((8, 8), np.float32)
    values[2, 2] = np.nan
    with pytest.raises(Refused, match=r"depth\.tif has pixels that are not numbers"):
        read_image(saved(Image.fromarray(values), "TIFF"), name="depth.tif")


def test_transparent_palettes_and_greys_show_the_background() -> None:
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([9, 9, 9, 200, 0, 0])
    palette.putpixel((0, 0), 0)
    made = read_image(saved(palette, "PNG", transparency=0), background=(1, 2, 3))
    assert (made.getpixel((0, 0)), made.getpixel((1, 1))) == ((1, 2, 3), (200, 0, 0))
    grey = Image.new("LA", (4, 4), (80, 255))
    grey.putpixel((0, 0), (80, 0))
    made = read_image(saved(grey, "PNG"), background=(1, 2, 3))
    assert (made.getpixel((0, 0)), made.getpixel((1, 1))) == ((1, 2, 3), (80, 80, 80))


def test_one_deep_grey_may_stand_for_transparent() -> None:
    rows = zlib.compress(b"".join(b"\0" + struct.pack(">HH", 32_768, 65_535) for _ in range(2)))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 0, 0, 0, 0)) + chunk(b"tRNS", struct.pack(">H", 32_768))
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    made = read_image(file, background=(1, 2, 3))
    assert (made.getpixel((0, 0)), made.getpixel((1, 0))) == ((1, 2, 3), (255, 255, 255))


def test_printers_colours_are_converted() -> None:
    made = read_image(saved(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"))
    red, green, blue = made.getpixel((1, 1))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


def peak_mebibytes(file: Path) -> int:
    """Of a process that reads one picture, beyond what it had before."""
    program = (
        "import resource, sys; from pathlib import Path; from core.data.readers.image import read_image\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = peak(); made = read_image(Path(sys.argv[1])); print(peak() - before, *made.size)"
    )
    said = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True).stdout
    peak, wide, high = map(int, said.split())
    assert (wide, high) == (4095, 4095)
    return peak


def test_a_small_file_with_many_pixels_is_bound_by_memory(tmp_path: Path) -> None:
    bomb(tmp_path / "bits.png", 8190)
    assert (tmp_path / "bits.png").stat().st_size < 20_000
    assert peak_mebibytes(tmp_path / "bits.png") < 300
    clear = zlib.compress(bytes(8190 * (8190 * 4 + 1)), 1)  # every pixel transparent
    body = chunk(b"IHDR", b"\0\0\x1f\xfe\0\0\x1f\xfe\x08\x06\0\0\0") + chunk(b"IDAT", clear) + chunk(b"IEND", b"")
    (tmp_path / "clear.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert peak_mebibytes(tmp_path / "clear.png") < 600


def test_a_format_that_unpacks_in_one_piece_is_refused_by_what_it_would_take() -> None:
    file = saved(Image.new("RGB", (6_600, 6_600)), "WEBP", method=0)
    with pytest.raises(Refused, match=r"wide\.webp would take \d+ mebibytes"):
        read_image(file, name="wide.webp")


def test_halving_a_large_picture_keeps_its_parts_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    import core.data.readers.image as module

    monkeypatch.setattr(module, "WHOLE_PIXELS", 100)
    monkeypatch.setattr(module, "_BAND_PIXELS", 61 * 4)
    picture = four_corners().crop((0, 0, 59, 39))
    made = read_image(saved(picture, "PNG"), name="large")
    assert made.size == (30, 20)
    assert corners(made) == RIGHT[1]
    np.testing.assert_array_equal(np.asarray(made), np.asarray(picture.reduce(2)))


def test_kinds_of_pictures_are_known_by_what_pillow_can_read(tmp_path: Path) -> None:
    four_corners().save(tmp_path / "phone.jfif", "JPEG")
    assert read_image(tmp_path / "phone.jfif").size == (60, 40)
    assert {".jfif", ".jpg", ".webp", ".mpo"} <= ENDINGS
    assert (".avif" in ENDINGS) == features.check("avif")
    assert ".heic" in UNREAD
    assert not ENDINGS & UNREAD
    assert left_out({".heic": 2, ".avif": 1}) == [
        "Images ending in .avif were left out (1); this kind is not read here.",
        "Images ending in .heic were left out (2); this kind is not read here.",
    ]
