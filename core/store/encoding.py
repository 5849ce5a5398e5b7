"""Pixels and samples as files and nothing lost: PNG by hand (a few lines over zlib), FLAC through soundfile.

Axes: n pictures, H height, W width, C channels; S samples.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

PNG, FLAC, RIFF, WEBP, LOSSLESS = b"\x89PNG\r\n\x1a\n", b"fLaC", b"RIFF", b"WEBP", b"VP8L"
COLOUR_OF = {1: 0, 3: 2}  # PNG's colour type by channels
NAMED = re.compile(r"[0-9a-f]{64}\.(png|webp|flac)")  # the only names of files beside a store
DEEPEST = 2**23 - 1  # of 24 bits


def content_name(data: bytes) -> str:
    """What a file is called: the SHA-256 of its bytes and its kind. Raises ValueError for a kind that is not kept."""
    return f"{hashlib.sha256(data).hexdigest()}.{_kind(data)}"


def is_content(name: str, data: bytes) -> bool:
    """Whether these bytes are what the name says."""
    return hashlib.sha256(data).hexdigest() == name.partition(".")[0]


def is_named(name: str) -> bool:
    """Whether a name can be that of a file beside a store; whatever else stands in a row is never opened."""
    return NAMED.fullmatch(name) is not None


def _kind(data: bytes) -> str:
    if data.startswith(PNG):
        return "png"
    if data.startswith(FLAC):
        return "flac"
    if data[:4] == RIFF and data[8:12] == WEBP:
        if LOSSLESS in data[12:64]:
            return "webp"
        raise ValueError("a WebP image is kept only where it is lossless")
    raise ValueError(f"a file that begins with {data[:8]!r} is neither PNG, WebP nor FLAC")


def picture_files(pictures: Any) -> tuple[bytes, ...]:
    """A file for each picture: files as they are, [n, H, W, C] as PNG. Raises ValueError for anything else."""
    if not isinstance(pictures, np.ndarray):
        files = tuple(bytes(one) for one in pictures)
        if any(_kind(one) == "flac" for one in files):
            raise ValueError("a FLAC file is no image")
        return files
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in COLOUR_OF or not pictures.size:
        raise ValueError(f"images are {pictures.dtype} {pictures.shape}, not uint8 [n, H, W, 1 or 3]")
    return tuple(png_of(one) for one in pictures)


def png_of(pixels_HWC: NDArray[np.uint8]) -> bytes:
    """One picture as PNG; each row is written as it is, or as differences to the left or to the row above, whatever is smallest."""
    height, width, channels = pixels_HWC.shape
    rows = np.ascontiguousarray(pixels_HWC).reshape(height, width * channels)
    left, above = np.zeros_like(rows), np.zeros_like(rows)
    left[:, channels:], above[1:] = rows[:, :-channels], rows[:-1]
    ways = np.stack([rows, rows - left, rows - above])  # modulo 256, as PNG wants it
    sizes = np.abs(ways.view(np.int8).astype(np.int16)).sum(-1, dtype=np.int64)  # the usual guess at what deflates best
    best = sizes.argmin(0)
    chosen = ways[best, np.arange(height)]
    data = np.concatenate([best.astype(np.uint8)[:, None], chosen], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, COLOUR_OF[channels], 0, 0, 0)
    return PNG + _part(b"IHDR", head) + _part(b"IDAT", zlib.compress(data, 6)) + _part(b"IEND", b"")


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sound_files(sounds: Any, hertz: int) -> tuple[bytes, ...]:
    """A file for each sound: files as they are, [n, S] as FLAC of 24 bits. Raises ValueError for anything else."""
    if not isinstance(sounds, np.ndarray):
        files = tuple(bytes(one) for one in sounds)
        if any(_kind(one) != "flac" for one in files):
            raise ValueError("a sound is kept as FLAC")
        return files
    if sounds.ndim != 2 or not sounds.size or not np.issubdtype(sounds.dtype, np.floating) or hertz <= 0:
        raise ValueError(f"sounds are {sounds.dtype} {sounds.shape} at {hertz} Hz, not numbers [n, S]")
    if not np.isfinite(sounds).all():
        raise ValueError("a sound has samples that are not finite")
    return tuple(_flac_of(one, int(hertz)) for one in sounds)


def _flac_of(samples_S: NDArray[Any], hertz: int) -> bytes:
    import soundfile

    whole = np.rint(np.clip(samples_S.astype(np.float64), -1, 1) * DEEPEST).astype(np.int32) << 8
    file = io.BytesIO()
    soundfile.write(file, whole, hertz, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def samples_of(data: bytes) -> tuple[NDArray[np.float32], int]:
    """A FLAC file's samples [S], channels averaged, and its hertz. Raises ValueError where it cannot be read."""
    import soundfile

    try:
        samples, hertz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (RuntimeError, OSError) as error:
        raise ValueError(str(error)) from error
    return samples.mean(1, dtype=np.float32), int(hertz)
