"""Frames and sound of a film that is played in the window: decoded behind it, a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import SignalInstance

from core.graph.reel import ReelFrames, ReelSound
from core.store.encoding import sound_files
from studio.asking.engine import Engine

LONGEST = 400  # pixels of a frame's longer edge
PIECE = 60.0  # seconds of sound that are read at once
Wish = ReelFrames | ReelSound
Answer = tuple[NDArray[np.uint8], ...] | bytes


def serve_reels(engine: Engine, wanted: SignalInstance, take: Callable[[Wish, Answer, str], None]) -> None:
    """What players wish for goes back to them."""

    def want(wish: Wish) -> None:
        read: Callable[[], Answer] = (
            partial(frames_of, wish) if isinstance(wish, ReelFrames) else partial(sound_of, wish)
        )
        engine.glance(read, lambda made, why: take(wish, made or (), why))

    wanted.connect(want)


def frames_of(wish: ReelFrames) -> tuple[NDArray[np.uint8], ...]:
    """Some frames [H, W, 3] of a film. Raises Refused."""
    film: Any = wish.reel.origin
    times_N = wish.reel.starts_T[wish.first : wish.first + wish.count]
    return tuple(film.whole_frames(times_N, LONGEST).permute(0, 2, 3, 1).contiguous().numpy())


def sound_of(wish: ReelSound) -> bytes:
    """A file of what is heard from a time on; empty where nothing is. Raises Refused."""
    reel: Any = wish.reel
    wave = reel.origin.sound(wish.start, PIECE)
    if wave is not None:
        samples_S, hertz = wave.own_S.numpy(), wave.hertz
    elif reel.samples_S is not None:
        first = round(wish.start * reel.hertz)
        samples_S, hertz = reel.samples_S[first : first + round(PIECE * reel.hertz)], reel.hertz
    else:
        return b""
    return sound_files(samples_S[None], hertz)[0] if len(samples_S) else b""
