"""Decoded sounds in memory, 16 bits a sample: each is decoded and resampled once. Axes: S samples."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_BYTES = 2**29
_FULL = 32767.0


class SoundMemory:
    """A cache that stops growing at half a gibibyte; left behind when sent to a worker process."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._sounds: dict[Hashable, NDArray[np.int16]] = {}
        self._room = self._most = most_bytes

    def get(self, key: Hashable, decode: Callable[[], Tensor]) -> Tensor:
        """The sound as float32 [S] in [-1, 1], rounded to 16 bits; ``decode`` is called where it is not known yet."""
        samples_S = self._sounds.get(key)
        if samples_S is None:
            samples_S = (decode().numpy() * _FULL).round().astype(np.int16)
            if samples_S.nbytes <= self._room:
                self._sounds[key] = samples_S
                self._room -= samples_S.nbytes
        return torch.from_numpy(samples_S.astype(np.float32) / np.float32(_FULL))

    def __getstate__(self) -> dict[str, Any]:
        return {"most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["most"])  # type: ignore[misc]
