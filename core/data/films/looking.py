"""What can be told of a film without a network: where its image changes, and how much moves.

A film is looked over in chunks of small frames, so an hour takes no more memory than a minute; what was found is kept. Axes: L looks,
T frames, H cells of a histogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.data.films.choosing import Seconds, Shown, histogram, motion
from core.data.films.footage import Footage

EDGE = 32  # pixels of a frame that is looked over
CHUNK = 64  # frames decoded at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks:
    """What some frames of a film look like."""

    times_L: Seconds
    histograms_LH: NDArray[np.float64]
    motion_L: Seconds  # mean change of grey levels since the look before, per second

    def motion_of(self, shown: Shown) -> Seconds:
        """Motion of every frame [T]: that of the look that follows it."""
        place_T = np.searchsorted(self.times_L, shown.starts_T, side="right")
        return self.motion_L[np.clip(place_T, 0, len(self.times_L) - 1)]


@lru_cache(256)
def look_over(film: Footage, per_second: float) -> Looks:
    """Look at frames at even steps. Raises Refused naming the file."""
    shown = film.shown()
    count = max(2, min(len(shown.starts_T), round(shown.seconds * per_second)))
    times = shown.starts_T[np.unique(shown.at(shown.begin + np.arange(count) * (shown.seconds / count)))]
    histograms, moved, last = [], [], None
    for first in range(0, len(times), CHUNK):
        frames_THWC = film.frames(times[first : first + CHUNK], EDGE).permute(0, 2, 3, 1).numpy()
        histograms += [histogram(frame) for frame in frames_THWC]
        joined = frames_THWC if last is None else np.concatenate([last, frames_THWC])
        moved.append(motion(joined)[0 if last is None else 1 :])
        last = frames_THWC[-1:]
    gaps = np.diff(times, prepend=times[0] - (times[1] - times[0] if len(times) > 1 else 1.0))
    return Looks(times_L=times, histograms_LH=np.stack(histograms), motion_L=np.concatenate(moved) / gaps)
