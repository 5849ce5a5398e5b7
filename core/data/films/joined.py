"""A film joined from clips: one after another, each at a speed of its own, with pauses in which the nearest frame is held.

All of it sways, as if the camera were held by hand, so that no frame equals the one before; where a clip's border is of one colour,
that colour can become a background that scrolls. Decoded clips are kept in a memory that is handed in, so a film of any length holds no
more than that. Axes: N frames that are asked for, T frames of a clip, C, H, W; 2 is down and across.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.data.films.choosing import SLACK, Seconds, Shown
from core.data.films.footage import Footage
from core.data.films.stage import Scene
from core.data.memory import Memory
from core.telemetry.spans import Span

ONE_COLOUR = 6.0  # of 255: a border that varies less is of one colour
LIKE_IT = 24.0  # of 255 in any channel: pixels nearer than this are background
SWAYS = (0.15, 0.45)  # times a second


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One clip of a film: from when on it is shown, and how fast."""

    film: Footage
    start: float  # seconds of the joined film
    speed: float = 1.0

    @property
    def span(self) -> Span:
        """From when to when it is shown."""
        return Span(start=self.start, end=self.start + self.film.shown().end / self.speed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Moved:
    """How a film sways, and what scrolls behind it."""

    sway: float  # at most, as a share of the frame's edge
    rate_2: NDArray[np.float64]  # times a second
    phase_2: NDArray[np.float64]  # in turns
    behind: Scene | None = None  # without things

    def places(self, times_N: Seconds) -> NDArray[np.float64]:
        """How far everything is from its place, as shares of the edge [N, 2]."""
        return self.sway * np.sin(2 * np.pi * (times_N[:, None] * self.rate_2 + self.phase_2))


@dataclass(frozen=True, kw_only=True)
class JoinedFilm(Footage):
    """Pieces one after another; before the first its first frame is held, and so on to the nearest in every pause."""

    name: str
    number: Hashable
    pieces: tuple[Piece, ...]  # by start; none overlap
    seconds: float
    rate: float  # frames a second
    moved: Moved = field(compare=False)
    memory: Memory[Tensor] = field(compare=False, repr=False)  # uint8 [T, 3, size, size] of whole clips

    @property
    def key(self) -> Hashable:
        """All that is drawn hangs on the number."""
        return self.number, tuple((one.film.key, one.start, one.speed) for one in self.pieces)

    def shown(self) -> Shown:
        """At an even rate."""
        count = max(1, math.floor(self.seconds * self.rate + SLACK))
        return Shown(starts_T=np.arange(count) / self.rate, end=self.seconds)

    def frames(self, times_N: Seconds, size: int, shape: str = "crop") -> Tensor:
        """Those of the clips, swayed. Raises Refused naming the file."""
        spans = [one.span for one in self.pieces]
        turns = np.array([(one.end + other.start) / 2 for one, other in pairwise(spans)])
        which_N = np.searchsorted(turns, times_N, side="right")
        made_NCHW = torch.empty(len(times_N), 3, size, size, dtype=torch.uint8)
        for place in np.unique(which_N):
            piece, chosen = self.pieces[place], which_N == place
            own_M = (times_N[chosen] - piece.start) * piece.speed
            clip_TCHW = self._decoded(piece.film, size, shape)
            made_NCHW[torch.from_numpy(chosen)] = clip_TCHW[piece.film.shown().at(own_M)]
        return swayed(made_NCHW, times_N, self.moved)

    def _decoded(self, film: Footage, size: int, shape: str) -> Tensor:
        return self.memory.find(
            (film.key, size, shape),
            lambda: film.frames(film.shown().starts_T, size, shape),
            lambda made: made.nbytes,
        )


def swayed(frames_NCHW: Tensor, times_N: Seconds, moved: Moved) -> Tensor:
    """The frames away from their places, over what scrolls; uint8 [N, 3, H, W]. At the edges the border goes on."""
    behind_NHW = backgrounds(frames_NCHW) if moved.behind is not None else None
    x_NCHW = frames_NCHW.float() / 255
    if behind_NHW is not None and moved.behind is not None and len(x_NCHW):
        scenery_NCHW = moved.behind.drawn(times_N, x_NCHW.shape[-1]).float() / 255
        x_NCHW = torch.where(behind_NHW[:, None], scenery_NCHW, x_NCHW)
    places_N2 = torch.from_numpy(moved.places(times_N)).float()
    matrix_N23 = torch.eye(2, 3).repeat(len(x_NCHW), 1, 1)
    matrix_N23[:, :, 2] = -2 * places_N2.flip(1)
    grid_NHW2 = F.affine_grid(matrix_N23, list(x_NCHW.shape), align_corners=False)
    made_NCHW = F.grid_sample(x_NCHW, grid_NHW2, padding_mode="border", align_corners=False)
    return (made_NCHW * 255).round().byte()


def backgrounds(frames_NCHW: Tensor) -> Tensor:
    """Which pixels are like the border, in frames whose border is of one colour [N, H, W]; nothing in others."""
    x_NCHW = frames_NCHW.float()
    edge_NCE = torch.cat([x_NCHW[:, :, 0], x_NCHW[:, :, :, 0], x_NCHW[:, :, :, -1]], -1)
    colour_NC = edge_NCE.median(-1).values
    even_N = (edge_NCE - colour_NC[..., None]).abs().mean((1, 2)) < ONE_COLOUR
    like_NHW = (x_NCHW - colour_NC[..., None, None]).abs().amax(1) < LIKE_IT
    return like_NHW & even_N[:, None, None]
