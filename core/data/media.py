"""Sound and film of single samples, before batching: never without rate, true length and times.

Each becomes the value of the same name in :mod:`core.blocks.values`. Axes: S samples, F bands, T frames, V views, C channels, H height,
W width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.telemetry.spans import Span


@dataclass(frozen=True, kw_only=True)
class Wave:
    """A sound; of its samples the first ``real`` are its own, what lies behind is silence. Becomes a Waveform."""

    samples_S: Tensor  # float32, 1 is full scale
    real: int
    hertz: int

    @classmethod
    def of(cls, samples_S: Tensor, hertz: int) -> Wave:
        """One without padding."""
        return cls(samples_S=samples_S, real=len(samples_S), hertz=hertz)

    @property
    def own_S(self) -> Tensor:
        """The real samples."""
        return self.samples_S[: self.real]


@dataclass(frozen=True, kw_only=True)
class Bands:
    """A sound's bands over time. Becomes a Spectrogram."""

    x_FT: Tensor
    real: int  # samples of the sound that are its own
    samples: int  # of the sound, padding included
    hertz: int
    hop: int  # samples between two frames
    window: int  # samples that one frame sees


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Spans of a sample's time with the code of a class each. Becomes Segments."""

    spans: tuple[Span, ...] = ()
    classes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Several images of one object, in no order; zeros where there is none. Becomes Views."""

    views_VCHW: Tensor  # float32 in [0, 1]
    real_V: Tensor  # True where there is an image

    def picture(self) -> Tensor:
        """All of them in rows that are about as many as there are in a row, on white, [C, rows * H, columns * W]."""
        count, channels, height, width = self.views_VCHW.shape
        columns = math.ceil(count**0.5)
        rows = math.ceil(count / columns)
        sheet = torch.ones(rows * columns, channels, height, width)
        sheet[:count][self.real_V] = self.views_VCHW[self.real_V]
        return sheet.unflatten(0, (rows, columns)).permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


@dataclass(frozen=True, kw_only=True)
class Film:
    """Frames of a film. Becomes Frames."""

    frames_TCHW: Tensor
    starts: tuple[float, ...]  # seconds of the film
    durations: tuple[float, ...]  # seconds

    def __post_init__(self) -> None:
        if not len(self.frames_TCHW) == len(self.starts) == len(self.durations):
            counts = f"{len(self.frames_TCHW)} frames, {len(self.starts)} starts and {len(self.durations)} durations"
            raise ValueError(f"every frame has its start and its duration, not {counts}")

    @property
    def is_seen(self) -> bool:
        """Whether there are frames, and they are images: motion is a film that nobody can look at."""
        return bool(len(self.frames_TCHW)) and self.frames_TCHW.shape[1] in (1, 3)


def pixels_of(picture_CHW: Tensor) -> NDArray[np.uint8]:
    """A picture in [0, 1] as people look at it: uint8 [H, W, C]."""
    return (picture_CHW.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()


@runtime_checkable
class HasPicture(Protocol):
    """A value that can show itself before it is decoded, such as a film in its file."""

    def picture(self) -> Tensor:
        """[C, H, W] in [0, 1]."""


def side_by_side(film: Film) -> Tensor:
    """All its frames in one picture [C, H, T W] in [0, 1], the first at the left."""
    frames_TCHW = film.frames_TCHW.float() / 255 if film.frames_TCHW.dtype == torch.uint8 else film.frames_TCHW
    return torch.cat(list(frames_TCHW), dim=-1)


def picture_of(values: Iterable[Any]) -> Tensor | None:
    """What shows a sample: its first picture [C, H, W] in [0, 1], or the middle frame of its film; None without."""
    for value in values:
        if isinstance(value, HasPicture):
            return value.picture()
        if isinstance(value, Tensor) and value.ndim == 3:
            return value
        if isinstance(value, Film) and value.is_seen:
            middle = value.frames_TCHW[len(value.frames_TCHW) // 2]
            return middle.float() / 255 if middle.dtype == torch.uint8 else middle
    return None
