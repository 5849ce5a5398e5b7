"""A file played as if it were live: its frames and pieces of its sound, each when it is due; and the last seconds of what arrived.

Axes: N frames that are asked for, C channels, H height, W width; S samples.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from heapq import merge
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.data.films.choosing import SLACK, Seconds, Shown
from core.data.films.footage import FilmFile, Footage
from core.data.media import Wave
from core.data.readers.audio import sound_pieces
from core.data.ring import Ring
from core.telemetry.spans import samples_in, seconds_of

CHUNK = 32  # frames decoded at a time
SOUND_SECONDS = 0.1  # of one piece of sound


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrival:
    """A frame, or a piece of sound."""

    due: float  # seconds of the file: when a frame is first shown, when a piece of sound has been heard
    frame_CHW: Tensor | None = None  # uint8
    sound_S: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What time is asked of and waited for."""

    now: Callable[[], float]  # seconds, from anywhere
    wait: Callable[[float], object]  # so many seconds


def arrivals(file: Path, *, size: int = 0, hertz: int = 0) -> Iterator[Arrival]:
    """What a file gives, by when it is due. ``size``: edge of square frames, 0 for none; ``hertz``: of its sound, 0 for none.

    Raises Refused naming the file.
    """
    kinds = [*([_frames(file, size)] if size else []), *([_sound(file, hertz)] if hertz else [])]
    yield from merge(*kinds, key=lambda one: one.due)


def _frames(file: Path, size: int) -> Iterator[Arrival]:
    film = FilmFile(file=file, name=file.name)
    starts_T = film.shown().starts_T
    for first in range(0, len(starts_T), CHUNK):
        some = starts_T[first : first + CHUNK]
        for due, frame_CHW in zip(some.tolist(), film.frames(some, size)):
            yield Arrival(due=due, frame_CHW=frame_CHW)


def _sound(file: Path, hertz: int) -> Iterator[Arrival]:
    piece, waiting_S, given = max(1, samples_in(SOUND_SECONDS, hertz)), torch.zeros(0), 0
    for some_S in sound_pieces(file, hertz=hertz):
        waiting_S = torch.cat([waiting_S, some_S])
        whole = len(waiting_S) // piece * piece
        for part_S in waiting_S[:whole].split(piece) if whole else ():
            given += piece
            yield Arrival(due=seconds_of(given, hertz), sound_S=part_S)
        waiting_S = waiting_S[whole:]
    if len(waiting_S):
        yield Arrival(due=seconds_of(given + len(waiting_S), hertz), sound_S=waiting_S)


def play(
    coming: Iterator[Arrival], ring: Ring[Arrival], clock: Clock, *, speed: float = 1.0, is_patient: bool = False,
    cancelled: threading.Event | None = None,
) -> None:  # fmt: skip
    """Put each arrival when it is due, ``speed`` times as fast, and close the ring at the end.

    Live, what finds no room makes the oldest go; ``is_patient`` waits for room instead, so nothing is lost and the file falls behind.
    """
    begun = clock.now()
    try:
        for one in coming:
            if (away := begun + one.due / speed - clock.now()) > 0:
                clock.wait(away)
            if cancelled is not None and cancelled.is_set():
                return
            if not is_patient:
                ring.push(one, clock.now())
                continue
            while not ring.offer(one, clock.now()):
                if not ring.wait_for_room() or (cancelled is not None and cancelled.is_set()):
                    return
    finally:
        ring.close()


class LastSeconds:
    """What arrived in the last seconds."""

    def __init__(self, seconds: float, hertz: int = 0) -> None:
        self.seconds, self.hertz = seconds, hertz
        self._frames: deque[tuple[float, Tensor]] = deque()
        self._sound_S = torch.zeros(0)
        self.due = 0.0  # of the newest

    def add(self, one: Arrival) -> None:
        """The newest; what is older than the seconds goes."""
        self.due = max(self.due, one.due)
        if one.frame_CHW is not None:
            self._frames.append((one.due, one.frame_CHW))
            while self._frames[0][0] <= one.due - self.seconds + SLACK:
                self._frames.popleft()
        if one.sound_S is not None:
            self._sound_S = torch.cat([self._sound_S, one.sound_S])[-samples_in(self.seconds, self.hertz) :]

    @property
    def film(self) -> Footage | None:
        """Its frames as a clip; None before the first."""
        return LiveFilm(tuple(self._frames)) if self._frames else None

    @property
    def sound(self) -> Wave | None:
        """Its sound; None before any was heard."""
        return Wave.of(self._sound_S, self.hertz) if len(self._sound_S) else None


class LiveFilm(Footage):
    """Frames that have arrived; its time begins with the first of them."""

    name = "live"

    def __init__(self, frames: tuple[tuple[float, Tensor], ...]) -> None:
        self._due_T = np.array([due for due, _ in frames])
        self._frames = [frame for _, frame in frames]

    @property
    def key(self) -> Hashable:
        """None: it is never asked for again."""
        return None

    def shown(self) -> Shown:
        """Each until the next, the last as long as they usually are."""
        starts_T = self._due_T - self._due_T[0]
        last = float(np.median(np.diff(starts_T))) if len(starts_T) > 1 else 0.04
        return Shown(starts_T=starts_T, end=float(starts_T[-1]) + last)

    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """Those shown at the times, uint8 [N, 3, size, size]."""
        frames_NCHW = torch.stack([self._frames[place] for place in self.shown().at(times_N)])
        if frames_NCHW.shape[-1] == size:
            return frames_NCHW
        made = F.interpolate(frames_NCHW.float(), (size, size), mode="bilinear", antialias=True, align_corners=False)
        return made.round().clamp(0, 255).byte()
