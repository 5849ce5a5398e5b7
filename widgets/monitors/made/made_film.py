"""A film of the timeline at the cursor, played and stepped through frame by frame: its frames stand in a row in one picture of the store."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from core.graph.reel import Reel, ReelFrames, ReelSound
from widgets.look.film_player import FilmPlayer
from widgets.monitors.made.made_images import Pane, cut, pixels_of

ONE = 0.1  # seconds that a single frame is shown
HEIGHT = 140  # pixels of the picture


class MadeFilm(FilmPlayer):
    """Answers itself what it wishes for: everything is there already."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, height=HEIGHT)
        self._pane: Pane | None = None
        self.wanted.connect(self._answer)

    def show_pane(self, pane: Pane | None) -> None:
        """A film as it was at a step, at the moment that was looked at; None forgets it."""
        if pane == self._pane:
            return
        same_times = self._pane is not None and pane is not None and self._pane.starts == pane.starts
        seconds = self.seconds if same_times else None
        self._pane = pane
        self.show_reel(None if pane is None else reel_of(pane), seconds)

    def _answer(self, wish: ReelFrames | ReelSound) -> None:
        if isinstance(wish, ReelSound):
            self.take(wish, b"")
            return
        frames = wish.reel.origin
        assert isinstance(frames, tuple)
        self.take(wish, frames[wish.first : wish.first + wish.count])


def reel_of(pane: Pane) -> Reel | None:
    """The frames of a pane with their times; None where it has no pixels."""
    if pane.tile.image is None or not pane.starts:
        return None
    starts_T = np.asarray(pane.starts, dtype=np.float64)
    last = float(np.diff(starts_T).mean()) if len(starts_T) > 1 else ONE
    frames = tuple(pixels_of(frame) for frame in cut(pane.tile.image, 1, len(starts_T)))
    return Reel(name=pane.run, origin=frames, starts_T=starts_T, end=float(starts_T[-1]) + max(last, ONE / 10))
