"""Decoded frames of short films in memory: each is decoded once, whichever of its frames are looked at. Axes: T frames, C, H, W."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from torch import Tensor

MOST_BYTES = 2**29


class FrameMemory:
    """A cache that stops growing at half a gibibyte; left behind when sent to a worker process."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._films: dict[Hashable, Tensor] = {}
        self._room = self._most = most_bytes

    def get(self, key: Hashable, decode: Callable[[], Tensor]) -> Tensor:
        """Frames uint8 [T, C, H, W]; ``decode`` is called where they are not known yet."""
        kept = self._films.get(key)
        if kept is None:
            kept = decode()
            if kept.nbytes <= self._room:
                self._films[key] = kept
                self._room -= kept.nbytes
        return kept

    def __getstate__(self) -> dict[str, Any]:
        return {"most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["most"])  # type: ignore[misc]
