"""Cells of frequency and time become one token a time: the bands of each time side by side through a linear map, or their mean.

What reads sound in time, such as CTC or a language model, takes a row of frames; a mean over frequency forgets which band was loud.
Axes: B batch, F bands, T times, N tokens, D and E widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

STACKED, MEAN = "stacked", "mean"


@blocks.register("connectors.frequency_merge")
class FrequencyMerge(Block):
    """Makes one token of all bands of a time."""

    title = "Frequency merge"
    modality = "audio"
    takes = {"tokens": port("tokens", "tokens of frequency and time", modality="audio")}
    gives = {"tokens": port("tokens", "one token per time", axes="B T E", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How, and how wide."""

        how: str = knob(
            STACKED, "Stacked: all bands side by side, through a linear map. Mean: their mean, then the map.",
            choices=(STACKED, MEAN), title="Bands merged by",
        )  # fmt: skip
        width: int = knob(128, "Size of one token.", low=1, high=8192)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"].unmerged()
        row, grid = in_time(tokens), tokens.grid
        assert grid is not None
        self.bands = grid.sizes[0] if grid.kind == "bins" and config.how == STACKED else 1
        self.linear = nn.Linear(self.bands * row.x_BND.shape[-1], config.width)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, F x T, D] to [B, T, E]."""
        tokens = tokens.unmerged()
        row, grid = in_time(tokens), tokens.grid
        assert grid is not None
        x_BTD = row.zeroed().x_BND
        if self.bands > 1:
            cells_BFTD = tokens.zeroed().x_BND[:, grid.extra :].unflatten(1, (self.bands, -1))
            x_BTD = cells_BFTD.transpose(1, 2).flatten(2)
        return {"tokens": replace(row, x_BND=self.linear(x_BTD))}

    def detail(self) -> str:
        """How, and the width."""
        return f"w{self.config.width} · {self.config.how}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two bands of three times behind a leading token; the second sample ends before the last time."""
        mask = torch.ones(2, 7, dtype=torch.bool)
        mask[1, 3] = mask[1, 6] = False
        grid = Grid(kind="bins", sizes=(2, 3), extra=1, first=0.1, step=0.2)
        return {"tokens": Tokens(x_BND=torch.randn(2, 7, 16), mask_BN=mask, modality="audio", grid=grid)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A narrow token."""
        return {"width": 12}
