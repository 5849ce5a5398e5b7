"""Several frames of sound become one token, so that a language model reads fewer: side by side through a linear map, by a strided convolution,
or their mean (SLAM-ASR, arXiv:2402.08846; Qwen2-Audio, arXiv:2407.10759).

Each keeps every frame: what comes out depends on all of them. Taking every n-th loses the others, and is here to be compared with;
written as ``x[::n]`` on a batch it would even take every n-th sample. Axes: B batch, N frames, K frames of a token, D and E widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.times import in_time, real_frames
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

STACKED, CONVOLUTION, MEAN, EVERY_NTH = "stacked", "convolution", "mean", "every n-th"


@blocks.register("connectors.merge_frames")
class MergeFrames(Block):
    """Makes one token of several frames of audio, as wide as what reads them."""

    title = "Merge frames"
    modality = "audio"
    takes = {"tokens": port("tokens", "audio tokens with their times", modality="audio")}
    gives = {"tokens": port("tokens", "fewer tokens, each of several frames", axes="B M E", modality="audio")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many, and how."""

        frames: int = knob(5, "Frames of one token.", low=1, high=64, unit="frames", title="Frames merged")
        how: str = knob(
            STACKED, "Stacked: side by side, through a linear map. Convolution: strided. Mean: then the map. Every n-th: the others are lost.",
            choices=(STACKED, CONVOLUTION, MEAN, EVERY_NTH), title="Frames merged by",
        )  # fmt: skip
        width: int = knob(128, "Size of one token.", low=1, high=16_384)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = in_time(incoming["tokens"]).x_BND.shape[-1]
        if config.how == CONVOLUTION:
            self.into: nn.Module = nn.Conv1d(width, config.width, config.frames, config.frames)
        else:
            self.into = nn.Linear(width * (config.frames if config.how == STACKED else 1), config.width)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, N / K, E], rounded up; a token is real where any of its frames is."""
        row, count = in_time(tokens), self.config.frames
        behind = -row.x_BND.shape[1] % count
        x_BMKD = F.pad(row.zeroed().x_BND, (0, 0, 0, behind)).unflatten(1, (-1, count))
        real_BMK = F.pad(real_frames(row), (0, behind)).unflatten(1, (-1, count))
        assert row.grid is not None
        grid = replace(
            row.grid,
            sizes=(x_BMKD.shape[1],),
            first=row.grid.first + (count - 1) / 2 * row.grid.step,
            step=row.grid.step * count,
        )
        return {"tokens": replace(row, x_BND=self._merged(x_BMKD, real_BMK), mask_BN=real_BMK.any(2), grid=grid)}

    def _merged(self, x_BMKD: Tensor, real_BMK: Tensor) -> Tensor:
        how = self.config.how
        if how == CONVOLUTION:
            made: Tensor = self.into(x_BMKD.flatten(1, 2).transpose(1, 2)).transpose(1, 2)
            return made
        if how == MEAN:
            x_BMD = x_BMKD.sum(2) / real_BMK.sum(2, keepdim=True).clamp_min(1).to(x_BMKD.dtype)
        else:
            x_BMD = x_BMKD.flatten(2) if how == STACKED else x_BMKD[:, :, 0]
        return self.into(x_BMD)  # type: ignore[no-any-return]

    def detail(self) -> str:
        """How many, how, and the width."""
        return f"×{self.config.frames} w{self.config.width} · {self.config.how}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Seven frames, four of them real in the second sample."""
        mask = torch.ones(2, 7, dtype=torch.bool)
        mask[1, 4:] = False
        grid = Grid(kind="times", sizes=(7,), first=0.01, step=0.02)
        return {"tokens": Tokens(x_BND=torch.randn(2, 7, 16), mask_BN=mask, modality="audio", grid=grid)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Three frames a token."""
        return {"frames": 3, "width": 12}
