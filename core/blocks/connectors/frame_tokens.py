"""A video as a row of frames that know when they are shown: what reads the row can tell what comes first.

A frame's cells go side by side through one linear map, so where something is stays known, or as their mean. Pools and queries are blind
to the order of what they read; positions are therefore added, sines of *seconds* from the first frame (as in the video transformer,
arXiv:2102.05095 has them learned), or none, which makes a control. Axes: B batch, N tokens, T frames, C cells of a frame, D and E widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.video_transformer import NONE, PLACES_PER_SECOND, SECONDS
from core.blocks.fusion.sides import width_of
from core.blocks.positions import sines
from core.blocks.times import in_time
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

STACKED, MEAN = "stacked", "mean"


@blocks.register("connectors.frame_tokens")
class FrameTokens(Block):
    """Makes one token of every frame of a video and tells it when it is shown."""

    title = "One token per frame"
    modality = "video"
    takes = {"tokens": port("tokens", "cells of frames with their times", modality="video")}
    gives = {"tokens": port("tokens", "one token per frame, in time", axes="B T E", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Width, how cells become one, and positions."""

        width: int = knob(64, "Size of one token; even, for positions in seconds.", low=2, high=16_384)
        cells: str = knob(
            STACKED, "Stacked: side by side through a linear map, so that places stay known. Mean: then the map.",
            choices=(STACKED, MEAN), title="Cells of a frame",
        )  # fmt: skip
        times: str = knob(
            SECONDS, "Seconds: sines of when each frame is shown. None: order is not seen.", choices=(SECONDS, NONE),
            title="Frame times",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.times == SECONDS and config.width % 2:
            raise ValueError(f"The width {config.width} must be even for positions in seconds.")
        tokens: Tokens = incoming["tokens"]
        self.count = _cells(tokens) if config.cells == STACKED else 1
        self.linear = nn.Linear(self.count * width_of(tokens), config.width)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, T, E]. Raises ValueError for tokens that are no frames of a video with their times."""
        row = in_time(tokens)
        x_BTD = self._stacked(tokens.unmerged(), len(row.x_BND[0])) if self.count > 1 else row.x_BND
        x_BTE = self.norm(self.linear(x_BTD))
        if self.config.times == SECONDS:
            x_BTE = x_BTE + self._when(row).to(x_BTE.dtype)
        return {"tokens": row.with_x(x_BTE)}

    def _stacked(self, tokens: Tokens, frames: int) -> Tensor:
        """All cells of each frame side by side [B, T, C D]; zeros where they are padding."""
        assert tokens.grid is not None
        if (now := _cells(tokens)) != self.count:
            raise ValueError(f"Frames of {now} cells came in where the linear map takes {self.count}; take their mean.")
        return tokens.zeroed().x_BND[:, tokens.grid.extra :].unflatten(1, (frames, -1)).flatten(2)

    def _when(self, row: Tokens) -> Tensor:
        """Positions [B, T, E]."""
        assert row.spans_BT2 is not None
        since_BT = row.spans_BT2[..., 0] - row.spans_BT2[:, :1, 0]
        return sines(since_BT[..., None] * PLACES_PER_SECOND, self.config.width)

    def detail(self) -> str:
        """How wide, and how."""
        return f"→ {self.config.width} · {self.config.cells}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and three frames of two cells, the last frame padding in the second sample."""
        start_BT = (torch.arange(3, dtype=torch.float64) / 10).expand(2, -1)
        mask = torch.ones(2, 7, dtype=torch.bool)
        mask[1, 5:] = False
        return {
            "tokens": Tokens(
                x_BND=torch.randn(2, 7, 16), mask_BN=mask, modality="video", grid=Grid(kind="frames", sizes=(3, 1, 2), extra=1),
                spans_BT2=torch.stack([start_BT, start_BT + 0.1], -1),
            )
        }  # fmt: skip

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 8}


def _cells(tokens: Tokens) -> int:
    """Cells of one frame; 1 where a token is one already."""
    grid = tokens.before if tokens.into_BM is not None else tokens.grid
    if grid is None or grid.kind != "frames":
        return 1
    return grid.sizes[1] * grid.sizes[2]
