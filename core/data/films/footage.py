"""A clip before any frame of it is decoded: when its frames are shown, and a way to get some of them.

A film in its file, a part of one, or a film that is drawn: whoever chooses frames need not know which. Axes: N frames that are
asked for, C, H, W.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from core.data.films.choosing import Seconds, Shown, in_segments
from core.data.media import Wave
from core.data.readers.audio import read_sound
from core.data.readers.video import film_index, read_video
from core.data.readers.video_process import HasNoSound
from core.graph.reel import Reel
from core.problems import refuse
from core.telemetry.spans import Span

PICTURE = 64  # pixels of what stands for a film in lists
HEARD_HERTZ = 44_100  # of what a person listens to
KEPT = 4096  # films of which is remembered when their frames are shown
SAME_TIME = 0.0015  # seconds: Matroska counts milliseconds
Stamp = tuple[int, int]


class Footage(ABC):
    """A clip; its times count from where it begins."""

    name: str  # for sentences

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """Equal for clips of the same frames; None: it is not asked for again, and need not be kept."""

    @abstractmethod
    def shown(self) -> Shown:
        """When its frames are shown. Raises Refused naming the file."""

    def reel(self) -> Reel:
        """What a player needs to know of it. Raises Refused naming the file."""
        shown = self.shown()
        return Reel(name=self.name, origin=self, starts_T=np.asarray(shown.starts_T, dtype=np.float64), end=shown.end)

    @abstractmethod
    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """The frames shown at times, uint8 [N, 3, size, size]. Raises Refused naming the file."""

    def whole_frames(self, times_N: Seconds, longest: int) -> Tensor:
        """The same in their own proportions, no edge longer than so many pixels, uint8 [N, 3, H, W]. Raises Refused naming the file."""
        return self.frames(times_N, longest)

    def sound(self, start: float, seconds: float) -> Wave | None:
        """What is heard from a time on, for so long or to its end; None where nothing is. Raises Refused naming the file."""
        return None

    def picture(self) -> Tensor:
        """The frame in the middle of its time, float32 [3, 64, 64] in [0, 1]."""
        return self.middle(PICTURE)

    def middle(self, size: int, shape: str = "crop") -> Tensor:
        """The frame in the middle of its time, float32 [3, size, size] in [0, 1]. Raises Refused naming the file."""
        shown = self.shown()
        return self.frames(shown.starts_T[in_segments(shown, 1)], size, shape)[0].float() / 255


@dataclass(frozen=True, kw_only=True)
class FilmFile(Footage):
    """A film that still lies in its file, or a part of it."""

    file: Path
    name: str
    part: Span | None = None  # seconds of the film; None: all of it

    @property
    def key(self) -> Hashable:
        """The file as it is now, and which part of it."""
        return self.file, _stamp(self.file), self.part

    @property
    def _begin(self) -> float:
        return 0.0 if self.part is None else self.part.start

    def shown(self) -> Shown:
        """From the container's own times."""
        whole = _whole(self.file, self.name, _stamp(self.file))
        if self.part is None:
            return whole
        try:
            found = whole.within(self.part)
        except ValueError as error:
            raise refuse(f"{self.name}: {error}.") from error
        return Shown(starts_T=np.maximum(found.starts_T - self._begin, 0.0), end=found.end - self._begin)

    def whole_frames(self, times_N: Seconds, longest: int) -> Tensor:
        """By decord or PyAV, as :meth:`frames`."""
        return self.frames(times_N, longest, "whole")

    def sound(self, start: float, seconds: float) -> Wave | None:
        """Of its file, and no longer than this part."""
        left = seconds if self.part is None else min(seconds, self.part.seconds - start)
        if left <= 0:
            return None
        begin = start + self._begin
        try:
            heard = read_sound(self.file, hertz=HEARD_HERTZ, start_seconds=begin, seconds=left, name=self.name)
        except HasNoSound:
            return None
        return Wave.of(heard.samples_S, heard.hertz)

    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """By decord or PyAV, in a process of their own. Raises Refused also where another frame stands in for one that is damaged."""
        times = times_N + self._begin
        read = read_video(self.file, times=tuple(times.tolist()), size=size, shape=shape, name=self.name)
        starts_T = _whole(self.file, self.name, _stamp(self.file)).starts_T
        due_N = starts_T[np.maximum(np.searchsorted(starts_T, times + SAME_TIME, side="right") - 1, 0)]
        if lost := int((np.array(read.seconds) < due_N - SAME_TIME).sum()):
            raise refuse(
                f"{self.name}: {lost} of {len(times)} frames cannot be decoded.",
                hint="It is damaged; encode it anew, or remove it.",
            )
        return read.frames_TCHW


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
