"""Decoded pictures in memory, as bytes: each is decoded once, at the size that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.values import AnySize
from core.data.memory import Memory
from core.data.readers.image import KEEP

MOST_BYTES = 2**30
Pixels = NDArray[np.uint8]  # [3, H, W]


class PictureMemory(Memory[Pixels]):
    """Stops growing at a gibibyte."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(most_bytes)

    def get(self, key: Hashable, decode: Callable[[], Pixels]) -> Tensor:
        """The picture as float32 [3, H, W] in [0, 1]; ``decode`` is called where it is not known yet."""
        pixels = self.find(key, decode, lambda made: made.nbytes)
        return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))


def meta_image(batch: int, size: int, how: str = "") -> Tensor | AnySize:
    """A batch of pictures that has only a shape; ``how`` they became that size (:func:`core.data.readers.image.fitted`)."""
    if how == KEEP:
        return AnySize()
    return torch.empty(batch, 3, size, size, dtype=torch.float32, device="meta")
