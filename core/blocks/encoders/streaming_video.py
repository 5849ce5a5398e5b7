"""A film of any length chunk by chunk, with the same result as in one go: one token a frame, in memory that does not grow with the film.

Cells look at frames at most ``reach`` away in each layer, so a frame's token hangs on ``depth * reach`` frames before and behind it and on
no other (as a sliding window over text, arXiv:2004.05150). Each chunk is encoded with so many frames around it, which only lend context:
their tokens come from their own chunk. While training, chunks are computed again in the backward pass (arXiv:1604.06174).
Axes: B batch, T frames, C channels, H height, W width, D width of a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.attention.space_time import STEPS
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.video_transformer import VideoTransformer, example_frames
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.streaming_video")
class StreamingVideo(Block):
    """Encodes a video chunk by chunk into one token per frame; the chunks change nothing but the memory."""

    title = "Streaming video encoder"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per frame, in time", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Chunks, how far is looked, and sizes."""

        chunk: int = knob(16, "Frames encoded at a time.", low=1, high=100_000, unit="frames", title="Chunk length")
        reach: int = knob(
            2, "Frames that are looked at before and after one's own in each layer.", low=0, high=1000, title="Reach in time",
            unit="frames",
        )  # fmt: skip
        pattern: str = knob(
            "divided", "Divided: along time, then over each frame. Joint: all cells at once. Axial: time, height, width in turn. Space: "
            "each frame alone.", choices=tuple(STEPS), title="Space-time attention",
        )  # fmt: skip
        patch_size: int = knob(8, "Side of one patch; must divide the frame's sides.", low=2, high=64, unit="px")
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        depth: int = knob(2, "Layers.", low=1, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        within = VideoTransformer.Config(
            pattern=config.pattern, patch_size=config.patch_size, width=config.width, depth=config.depth, heads=config.heads,
            ratio=config.ratio, dropout=config.dropout, reach=config.reach, cls=False,
        )  # fmt: skip
        self.tower = VideoTransformer(within, {"video": incoming["video"].part(0, config.chunk)})

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to one token a frame [B, T, D]."""
        x_BTD = torch.cat(list(self.chunks(video)), 1)
        grid = Grid(kind="times", sizes=(x_BTD.shape[1],))
        return {"tokens": Tokens(x_BND=x_BTD, modality="video", grid=grid, spans_BT2=video.spans())}

    def chunks(self, video: Frames) -> Iterator[Tensor]:
        """The tokens of each chunk of frames, one chunk after another."""
        count, around = video.x_BTCHW.shape[1], self.config.depth * self.config.reach
        for first in range(0, count, self.config.chunk):
            end = min(first + self.config.chunk, count)
            low, high = max(0, first - around), min(end + around, count)
            part = video.part(low, high)
            given = (part.x_BTCHW, part.starts_BT, part.durations_BT, video.starts_BT[:, :1])
            if torch.is_grad_enabled():
                rows_BTD: Tensor = checkpoint(self._rows, *given, use_reentrant=False)
            else:
                rows_BTD = self._rows(*given)
            yield rows_BTD[:, first - low : end - low]

    def _rows(self, x_BTCHW: Tensor, starts_BT: Tensor, durations_BT: Tensor, begin_B1: Tensor) -> Tensor:
        """One token a frame [B, T, D], the mean of its cells."""
        frames = Frames(x_BTCHW=x_BTCHW, starts_BT=starts_BT, durations_BT=durations_BT)
        x_BKD: Tensor = self.tower.stack(self.tower.entered(frames, begin_B1))
        return x_BKD.unflatten(1, (x_BTCHW.shape[1], -1)).mean(2)

    def detail(self) -> str:
        """Chunk, reach, width and depth."""
        c = self.config
        return f"×{c.chunk} ±{c.reach} w{c.width} d{c.depth} p{c.patch_size} · {c.pattern}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two films of seven frames, the second at half the rate."""
        return {"video": example_frames(7, 8)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Chunks of three frames, the last of one."""
        return {"chunk": 3, "reach": 1, "patch_size": 4, "width": 12, "depth": 1}
