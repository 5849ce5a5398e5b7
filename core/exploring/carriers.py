"""A text inside a picture or a film, found again: PNG (an iTXt chunk), SVG (metadata), GIF (a comment); films carry tags of their
container (:mod:`core.exploring.films`).

Nothing of what is read is executed or expanded: a PNG's chunks are walked with their lengths and checksums, an SVG is
searched as text and never given to an XML parser, so no entity is resolved and no picture fetched.
"""

from __future__ import annotations

import html
import struct
import zlib
from collections.abc import Iterator

from core.exploring.card import MOST_LETTERS
from core.problems import refuse

KEYWORD = b"crossmodal-studio"
PNG, GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
OPENS, CLOSES = '<metadata id="crossmodal-studio-result">', "</metadata>"
MOST_BYTES = 256 << 20  # of a file that is looked into
MOST_CHUNKS = 100_000
SVG_HEAD = 4 << 20  # letters of an SVG that are searched


def carried(picture: bytes, text: str) -> bytes:
    """The same picture with a text inside. Raises Refused for what carries none."""
    if picture.startswith(PNG):
        return _png_with(picture, text)
    if picture.startswith(GIF):
        return _gif_with(picture, text)
    if is_svg(picture):
        return _svg_with(picture.decode("utf-8"), text).encode("utf-8")
    raise refuse("An image of this kind carries no result card.", hint="Save it as PNG or SVG.")


def found_in(picture: bytes) -> str:
    """The text inside a picture; empty where there is none. Raises Refused where it is damaged or too large."""
    if picture.startswith(PNG):
        return _in_png(picture)
    if picture.startswith(GIF):
        return _in_gif(picture)
    return _in_svg(picture[:SVG_HEAD].decode("utf-8", "replace")) if is_svg(picture) else ""


def is_svg(picture: bytes) -> bool:
    """Whether it looks like one."""
    return b"<svg" in picture[:4096]


def _png_with(picture: bytes, text: str) -> bytes:
    body = KEYWORD + b"\0" + b"\1\0" + b"\0" + b"\0" + zlib.compress(text.encode("utf-8"), 9)
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    head = 8 + 12 + 13  # behind the header chunk
    return picture[:head] + chunk + picture[head:]


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    for _ in range(MOST_CHUNKS):
        if at + 12 > len(picture):
            return
        length = int.from_bytes(picture[at : at + 4], "big")
        kind, end = picture[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(picture) or kind == b"IEND":
            return
        if kind == b"iTXt":
            body = picture[at + 8 : end]
            if zlib.crc32(kind + body) != int.from_bytes(picture[end : end + 4], "big"):
                raise _damaged()
            yield kind, body
        at = end + 4


def _in_png(picture: bytes) -> str:
    for _, body in _chunks(picture):
        keyword, _, rest = body.partition(b"\0")
        if keyword != KEYWORD or len(rest) < 4:
            continue
        _, _, text = rest[2:].partition(b"\0")[2].partition(b"\0")
        return _unpacked(text) if rest[0] == 1 else _decoded(text)
    return ""


def _unpacked(data: bytes) -> str:
    """Inflated, up to the bound: a small file may claim to hold gigabytes."""
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(data, 4 * MOST_LETTERS)
    except zlib.error:
        raise _damaged() from None
    if inflate.unconsumed_tail:
        raise refuse("The result card in this file is too large.", hint="Drop an image that the studio exported.")
    return _decoded(text)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged() from None


def _svg_with(picture: str, text: str) -> str:
    place = picture.index(">", picture.index("<svg")) + 1
    return f"{picture[:place]}\n{OPENS}{html.escape(text)}{CLOSES}{picture[place:]}"


def _in_svg(picture: str) -> str:
    start = picture.find(OPENS)
    end = picture.find(CLOSES, start)
    return html.unescape(picture[start + len(OPENS) : end]) if 0 <= start < end else ""


def _gif_with(picture: bytes, text: str) -> bytes:
    """A comment extension before the trailer, in blocks of 255 bytes."""
    data = KEYWORD + b"\0" + text.encode("utf-8")
    blocks = b"".join(bytes([len(part)]) + part for part in (data[at : at + 255] for at in range(0, len(data), 255)))
    end = picture.rindex(b"\x3b")
    return picture[:end] + b"\x21\xfe" + blocks + b"\0" + picture[end:]


def _in_gif(picture: bytes) -> str:
    start = picture.rfind(b"\x21\xfe", max(0, len(picture) - 8 * MOST_LETTERS))
    while start >= 0:
        data, at = bytearray(), start + 2
        while at < len(picture) and picture[at] and len(data) <= 4 * MOST_LETTERS:
            data += picture[at + 1 : at + 1 + picture[at]]
            at += 1 + picture[at]
        if data.startswith(KEYWORD + b"\0"):
            return _decoded(bytes(data[len(KEYWORD) + 1 :]))
        start = picture.rfind(b"\x21\xfe", max(0, len(picture) - 8 * MOST_LETTERS), start)
    return ""


def _damaged() -> Exception:
    return refuse("The result card in this file is damaged.", hint="Drop an image that the studio exported.")
