"""Decoded pictures in memory, as bytes: each is decoded once, at the size that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.blocks.values import AnySize
from core.data.readers.image import KEEP

MOST_BYTES = 2**30
Pixels = NDArray[np.uint8]  # [3, H, W]


class PictureMemory:
    """A cache that stops growing at a gibibyte; safe for threads, and left behind when sent to a worker process."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._pictures: dict[Hashable, Pixels] = {}
        self._room = most_bytes
        self._most = most_bytes

    def get(self, key: Hashable, decode: Callable[[], Pixels]) -> Tensor:
        """The picture as float32 [3, H, W] in [0, 1]; ``decode`` is called where it is not known yet."""
        pixels = self._pictures.get(key)
        if pixels is None:
            pixels = decode()
            if pixels.nbytes <= self._room:
                self._pictures[key] = pixels
                self._room -= pixels.nbytes
        return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))

    def __getstate__(self) -> dict[str, Any]:
        return {"most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["most"])  # type: ignore[misc]


def meta_image(batch: int, size: int, how: str = "") -> Tensor | AnySize:
    """A batch of pictures that has only a shape; ``how`` they became that size (:func:`core.data.readers.image.fitted`)."""
    if how == KEEP:
        return AnySize()
    return torch.empty(batch, 3, size, size, dtype=torch.float32, device="meta")
