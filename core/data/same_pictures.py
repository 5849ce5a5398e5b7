"""Which files hold the same picture: one file under several names, equal bytes, or equal pixels.

Bytes are read only of files of equal length, and of these first the ends. Pixels are compared where that is cheap: where
all pictures together have at most :data:`MOST_PIXELS`; each is decoded once in a process. (The data check compares the
pixels of any set.)
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from core.data.joining import Joined
from core.data.readers.image import read_image
from core.problems import Refused

ENDS = 4096  # bytes
MOST_PIXELS = 32_000_000
MOST_KEPT = 50_000  # pictures whose hash is remembered


def same_pictures(files: Sequence[Path]) -> list[Hashable]:
    """A name for the picture in each file; equal for the same picture. A file that cannot be read is like no other."""
    found = _same_bytes(files)
    there = {file: stamp for file in dict.fromkeys(files) if (stamp := _stamp(file)) is not None}
    for some in _split(_few(there), lambda file: _pixels(file, there[file])):
        for other in some[1:]:
            found.join(some[0], other)
    return [found.root(file) for file in files]


def same_files(files: Sequence[Path]) -> list[Hashable]:
    """A name for what is in each file; equal for one file under several names, and for equal bytes."""
    found = _same_bytes(files)
    return [found.root(file) for file in files]


def _same_bytes(files: Sequence[Path]) -> Joined:
    found = Joined()
    stamps = {file: _stamp(file) for file in dict.fromkeys(files)}
    for file, stamp in stamps.items():
        if stamp is not None:
            found.join(file, ("inode", *stamp[:2]))
    there = {file: stamp for file, stamp in stamps.items() if stamp is not None}
    alike: list[list[Path]] = _split(there, lambda file: there[file][2])
    for tell in (_ends, _whole):
        alike = [some for files in alike for some in _split(files, tell)]
    for some in alike:
        for other in some[1:]:
            found.join(some[0], other)
    return found


def _stamp(file: Path) -> tuple[int, int, int, int] | None:
    """Device, number, length and time of change."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _split(files: Iterable[Path], tell: Callable[[Path], Hashable]) -> list[list[Path]]:
    """Files that are told alike, two or more together."""
    found: dict[Hashable, list[Path]] = defaultdict(list)
    for file in files:
        try:
            found[tell(file)].append(file)
        except OSError:
            continue
    return [some for key, some in found.items() if key is not None and len(some) > 1]


def _ends(file: Path) -> bytes:
    with file.open("rb") as bytes_of:
        first = bytes_of.read(ENDS)
        bytes_of.seek(max(0, file.stat().st_size - ENDS))
        return first + bytes_of.read(ENDS)


def _whole(file: Path) -> bytes:
    with file.open("rb") as bytes_of:
        return hashlib.file_digest(bytes_of, "blake2b").digest()


def _few(files: Iterable[Path]) -> list[Path]:
    """The files, where their pixels are few enough to be compared; else none."""
    left, found = MOST_PIXELS, []
    for file in files:
        try:
            with Image.open(file) as picture:
                left -= picture.width * picture.height
        except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        if left < 0:
            return []
        found.append(file)
    return found


@lru_cache(maxsize=MOST_KEPT)
def _pixels(file: Path, stamp: tuple[int, int, int, int]) -> bytes | None:
    """A hash of the pixels, for a file as it was at ``stamp``; None where it cannot be read."""
    try:
        picture = read_image(file)
    except (Refused, OSError):
        return None
    return hashlib.blake2b(picture.tobytes(), key=repr((picture.size, picture.mode)).encode()).digest()
