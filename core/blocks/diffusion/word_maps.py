"""Where each word of a condition was attended to while an image was drawn (DAAM, arXiv:2210.04885): the mean over steps, layers, heads.

Maps of coarser layers are stretched to the finest. What is learned to stand for no condition comes before the words and is left out.
Axes: B batch, N places of a layer, M tokens of the condition, h w rows and columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.core import recording


class WordMaps:
    """A sum over what was recorded; ``form`` is the height and width of the image."""

    def __init__(self, attentions: Mapping[str, nn.Module], form: tuple[int, int]) -> None:
        self._attentions, self._form = dict(attentions), form
        self._sum_BMhw: Tensor | None = None
        self._count = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Forwards inside are looked at."""
        with recording(self._attentions) as maps:
            yield
        for rows_BHNM in (rows for layer in maps.values() for rows in layer):
            self._add(rows_BHNM.mean(1)[:, :, 1:].float())

    @property
    def mean_BMhw(self) -> Tensor | None:
        """Shares of a place's attention so far; None before anything was looked at."""
        return None if self._sum_BMhw is None else self._sum_BMhw / self._count

    def _add(self, rows_BNM: Tensor) -> None:
        height, width = self._grid(rows_BNM.shape[1])
        map_BMhw = rows_BNM.transpose(1, 2).unflatten(2, (height, width))
        before = self._sum_BMhw
        if before is None:
            self._sum_BMhw = map_BMhw
        elif before.shape[2] >= height:
            self._sum_BMhw = before + _stretched(map_BMhw, before)
        else:
            self._sum_BMhw = _stretched(before, map_BMhw) + map_BMhw
        self._count += 1

    def _grid(self, places: int) -> tuple[int, int]:
        """Rows and columns of a layer with so many places: every layer has the image's proportions."""
        height, width = self._form
        rows = round((places * height / width) ** 0.5)
        return rows, places // rows


def _stretched(map_BMhw: Tensor, like_BMhw: Tensor) -> Tensor:
    return F.interpolate(map_BMhw, like_BMhw.shape[2:], mode="bilinear")
