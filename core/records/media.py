"""Histograms, images, audio and texts of others as events of ours: decoded within bounds, or left out and counted.

Images that are PNG stay as they are; other kinds are decoded and kept as PNG. Audio becomes the mean of its channels.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from core.records.foreign import NOWHERE
from core.records.gathering import Gathering
from core.store.encoding import PNG, png_of
from core.telemetry.events import Histogram, LogLine, Pictures, Sounds

BINS = 64  # of a histogram whose own bins are not all as wide
MOST_PIXELS = 64 << 20
MOST_SAMPLES = 1 << 26
LONGEST_TEXT = 20_000
MADE = "made/"  # begins the series of images and audio


def histogram_event(
    gathered: Gathering, name: str, step: int, wall: float, left: ArrayLike, right: ArrayLike, counts: ArrayLike
) -> None:  # fmt: skip
    """Counts between edges. Bins that are not all as wide are laid on 64 that are; the total stays."""
    laid = equal_bins(*(np.asarray(one, dtype=np.float64) for one in (left, right, counts)))
    if laid is None:
        gathered.leave_out("histograms without a finite range")
        return
    low, high, whole = laid
    event = Histogram(at=NOWHERE, series=name, low=low, high=high, counts=whole)
    gathered.moment(name, step, wall, event, whole.nbytes)


def equal_bins(
    left: NDArray[np.float64], right: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.uint32]] | None:
    """Low, high and whole counts on bins of one width; None where there is nothing to lay. Axes: [bins]."""
    with np.errstate(over="ignore", invalid="ignore"):
        sensible = np.isfinite(left) & np.isfinite(right) & (right >= left) & np.isfinite(counts) & (counts > 0)
        widths = right - left
    if not sensible.any():
        return None
    if sensible.all() or (np.isfinite(widths).all() and (right >= left).all()):
        whole = np.allclose(widths, widths[0], rtol=1e-6, atol=0) and np.array_equal(right[:-1], left[1:])
        if whole and widths[0] > 0 and np.isfinite(counts).all() and (counts >= 0).all():
            return float(left[0]), float(right[-1]), _rounded(counts)
    left, right, counts = left[sensible], right[sensible], counts[sensible]
    low, high = float(left.min()), float(right.max())
    if not np.isfinite(high - low):
        return None
    if high == low:
        high = low + max(abs(low), 1.0) * 1e-6
    edges = np.linspace(low, high, BINS + 1)
    laid = np.zeros(BINS)
    for a, b, count in zip(left, right, counts):
        if b > a:
            laid += np.diff(np.clip((edges - a) / (b - a), 0.0, 1.0)) * count
        else:
            laid[min(BINS - 1, int((a - low) / (high - low) * BINS))] += count
    return low, high, _rounded(laid)


def _rounded(counts: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Whole counts whose sum is the rounded sum: the largest remainders are rounded up."""
    floors = np.floor(counts)
    missing = int(round(float(counts.sum())) - floors.sum())
    if missing > 0:
        floors[np.argsort(floors - counts, kind="stable")[:missing]] += 1
    return np.clip(floors, 0, 2**32 - 1).astype(np.uint32)


def picture_event(gathered: Gathering, name: str, step: int, wall: float, files: Sequence[bytes]) -> None:
    """Images of one name at one step."""
    pictures = [png for png in map(as_png, files) if png]
    if len(pictures) < len(files):
        gathered.leave_out("images that cannot be decoded", len(files) - len(pictures))
    if pictures:
        seeds = tuple(range(len(pictures)))
        event = Pictures(at=NOWHERE, series=f"{MADE}{name}", pictures=tuple(pictures), seeds=seeds)
        gathered.moment(name, step, wall, event, sum(map(len, pictures)))


def as_png(data: bytes) -> bytes:
    """A PNG as it is, the first frame of another kind as PNG; empty where it is no image or too large."""
    if data.startswith(PNG):
        head = data[16:24]
        if len(head) < 8 or data[12:16] != b"IHDR":
            return b""
        width, height = struct.unpack(">II", head)
        return data if 0 < width * height <= MOST_PIXELS else b""
    try:
        with Image.open(io.BytesIO(data), formats=("GIF", "JPEG", "WEBP", "BMP")) as image:
            if image.width * image.height > MOST_PIXELS:
                return b""
            return png_of(np.asarray(image.convert("RGB")))
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError):
        return b""


def audio_event(gathered: Gathering, name: str, step: int, wall: float, files: Sequence[bytes]) -> None:
    """Clips of one name at one step; where their rates or lengths differ, only those like the first."""
    clips = [clip for clip in map(samples_in, files) if clip is not None]
    alike = [clip for clip in clips if clip[1] == clips[0][1] and clip[0].shape == clips[0][0].shape]
    if len(alike) < len(files):
        gathered.leave_out(
            "audio clips that cannot be read, or that differ from the first in rate or length", len(files) - len(alike)
        )
    if alike:
        sounds, seeds = np.stack([samples for samples, _ in alike]), tuple(range(len(alike)))
        event = Sounds(at=NOWHERE, series=f"{MADE}{name}", sounds=sounds, hertz=alike[0][1], seeds=seeds)
        gathered.moment(name, step, wall, event, sounds.nbytes)


def samples_in(data: bytes) -> tuple[NDArray[np.float32], int] | None:
    """Samples [S] and hertz of an audio file; None where it cannot be read, is too long or not finite."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if not 0 < file.frames <= MOST_SAMPLES:
                return None
            samples = file.read(dtype="float32", always_2d=True).mean(1, dtype=np.float32)
            return (samples, int(file.samplerate)) if np.isfinite(samples).all() else None
    except (RuntimeError, OSError, ValueError):
        return None


def text_event(gathered: Gathering, name: str, step: int, wall: float, texts: Sequence[bytes]) -> None:
    """Texts as lines of the log."""
    said = "\n".join(text[:LONGEST_TEXT].decode("utf-8", "replace") for text in texts[:100])[:LONGEST_TEXT]
    gathered.moment(name, step, wall, LogLine(at=NOWHERE, text=f"{name}: {said}"), len(said))
