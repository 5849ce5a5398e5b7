"""What can be told of a film without a network: when frames are shown, where the picture changes, how much moves.

A film is looked over in chunks of small frames, so an hour takes no more memory than a minute. What was found is kept by file, size
and time of change. Axes: L looks, T frames, H cells of a histogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.films.choosing import Seconds, Shown, histogram, motion
from core.data.media import FilmFile
from core.data.readers.video import film_index, read_video
from core.problems import refuse

EDGE = 32  # pixels of a frame that is looked over
CHUNK = 64  # frames decoded at a time
KEPT = 4096  # films of which is remembered when their frames are shown
Stamp = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks:
    """What some frames of a film look like."""

    times_L: Seconds
    histograms_LH: NDArray[np.float64]
    motion_L: Seconds  # mean change of grey levels since the look before, per second

    def motion_of(self, shown: Shown) -> Seconds:
        """Motion of every frame of a stretch [T]: that of the look that follows it."""
        place_T = np.searchsorted(self.times_L, shown.starts_T, side="right")
        return self.motion_L[np.clip(place_T, 0, len(self.times_L) - 1)]


def shown_in(film: FilmFile) -> Shown:
    """When the frames of a film, or of the part that is meant, are shown. Raises Refused naming the file."""
    whole = _whole(film.file, film.name, _stamp(film.file))
    if film.part is None:
        return whole
    try:
        return whole.within(film.part)[0]
    except ValueError as error:
        raise refuse(f"{film.name}: {error}.") from error


def look_over(film: FilmFile, per_second: float) -> Looks:
    """Look at frames at even steps. Raises Refused naming the file."""
    return _looked(film.file, film.name, _stamp(film.file), film.part, per_second)


def _stamp(file: Path) -> Stamp:
    try:
        facts = file.stat()
    except OSError:
        return -1, -1
    return facts.st_size, facts.st_mtime_ns


@lru_cache(KEPT)
def _whole(file: Path, name: str, stamp: Stamp) -> Shown:
    found = film_index(file, name=name)
    return Shown(starts_T=np.array(found.starts), end=found.end)


@lru_cache(256)
def _looked(file: Path, name: str, stamp: Stamp, part: object, per_second: float) -> Looks:
    shown = shown_in(FilmFile(file=file, name=name, part=part))  # type: ignore[arg-type]
    count = max(2, min(len(shown.starts_T), round(shown.seconds * per_second)))
    times = shown.starts_T[np.unique(shown.at(shown.begin + np.arange(count) * (shown.seconds / count)))]
    histograms, moved, last = [], [], None
    for first in range(0, len(times), CHUNK):
        some = tuple(times[first : first + CHUNK].tolist())
        frames_THWC = read_video(file, times=some, size=EDGE, name=name).frames_TCHW.permute(0, 2, 3, 1).numpy()
        histograms += [histogram(frame) for frame in frames_THWC]
        joined = frames_THWC if last is None else np.concatenate([last, frames_THWC])
        moved.append(motion(joined)[0 if last is None else 1 :])
        last = frames_THWC[-1:]
    gaps = np.diff(times, prepend=times[0] - (times[1] - times[0] if len(times) > 1 else 1.0))
    return Looks(times_L=times, histograms_LH=np.stack(histograms), motion_L=np.concatenate(moved) / gaps)
