"""Decoded sounds in memory, 16 bits a sample: each is decoded and resampled once; and what is known of a clip on a wire.

Axes: S samples.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.memory import Memory

MOST_BYTES = 2**29


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The one rate and length of the clips on a wire, carried from the source through every step."""

    hertz: int
    seconds: float  # the longest there can be
    is_even: bool = False  # all are as long as the longest
    node: str = ""  # the source that reads them
    seconds_knob: str = ""  # its setting for how much is read: what lies behind is already cut off there
    most_seconds: float = 0.0  # that this setting allows


_FULL = 32767.0


Packed = tuple[NDArray[np.int16], np.float32]  # samples, and what one step is worth


class SoundMemory(Memory[Packed]):
    """Stops growing at half a gibibyte."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(most_bytes)

    def get(self, key: Hashable, decode: Callable[[], Tensor]) -> Tensor:
        """The sound as float32 [S], rounded to 16 bits of its own loudest sample where that is above full scale.

        ``decode`` is called where it is not known yet.
        """
        samples_S, step = self.find(key, lambda: _packed(decode().numpy()), lambda made: made[0].nbytes)
        return torch.from_numpy(samples_S.astype(np.float32) * step)


def _packed(samples_S: NDArray[np.float32]) -> Packed:
    loudest = max(1.0, float(samples_S.max(initial=0.0)), -float(samples_S.min(initial=0.0)))
    levels_S = samples_S * np.float32(_FULL / loudest)
    return np.rint(levels_S, out=levels_S).astype(np.int16), np.float32(loudest / _FULL)
