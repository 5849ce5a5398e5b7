"""An emoji with its opacity, as it is put on a stage: how much darker it is on black than on white. Axes: C channels, H, W."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from core.data.emoji_artists import Twemoji
from core.data.emoji_index import load_index

EDGE = 48  # pixels of an emoji as it is kept


def emoji_art(place: int) -> Tensor:
    """Of an emoji by its place in the index, float32 [4, 48, 48]."""
    return art(load_index()[place].file)


@lru_cache(4096)
def art(file: str) -> Tensor:
    """Of an emoji by its file's stem, float32 [4, 48, 48]."""
    artist = Twemoji()
    artist.open()
    on_white, on_black = (artist.draw(file, EDGE, (grey, grey, grey)).astype(np.float32) / 255 for grey in (255, 0))
    opaque = 1 - (on_white - on_black).mean(0, keepdims=True).clip(0, 1)
    colour = np.where(opaque > 0.02, on_black / np.maximum(opaque, 0.02), 0).clip(0, 1)
    return torch.from_numpy(np.concatenate([colour, opaque]))
