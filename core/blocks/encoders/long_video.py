"""A long film in two levels: each clip of it becomes one vector, and a transformer reads the clips in the order of their seconds.

As in the hierarchical models of ViViT (arXiv:2103.15691) and HERO (arXiv:2005.00200). All clips are encoded as one batch, or some at a
time, which are then computed again in the backward pass, so memory does not grow with the film. The last clip may be shorter: nothing of
a film is dropped or made up. Axes: B batch, T frames, F frames of a clip, N clips, C channels, H height, W width, D width of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.blocks.attention.layer import Stack
from core.blocks.attention.options import AttentionKnobs, mlp_ratio
from core.blocks.attention.space_time import STEPS
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.video_transformer import VideoTransformer, example_frames
from core.blocks.positions import sines
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

PLACES_PER_SECOND = 4.0  # the finest sine turns by one radian in this part of a second


@blocks.register("encoders.long_video")
class LongVideo(Block):
    """Encodes a long video clip by clip, then lets the clips attend to each other."""

    title = "Long video encoder"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per clip, in time", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionKnobs):
        """Clips, and the sizes of both levels."""

        clip: int = knob(
            8, "Frames of one clip; the last may have fewer.", low=1, high=1024, unit="frames", title="Frames per clip"
        )
        pattern: str = knob(
            "divided", "Divided: along time, then over each frame. Joint: all cells at once. Axial: time, height, width in turn. Space: "
            "each frame alone.", choices=tuple(STEPS), title="Space-time attention",
        )  # fmt: skip
        patch_size: int = knob(8, "Side of one patch; must divide the frame's sides.", low=2, high=64, unit="px")
        width: int = knob(192, "Size of one token.", low=8, high=4096)
        clip_depth: int = knob(2, "Layers within a clip.", low=1, high=64, unit="layers", title="Depth within clips")
        depth: int = knob(2, "Layers over the clips.", low=0, high=64, unit="layers")
        heads: int = knob(3, "Attention heads; must divide the width.", low=1, high=64)
        ratio: float = mlp_ratio()
        dropout: float = knob(0.0, "Dropped activations in each layer.", low=0, high=0.9)
        at_once: int | None = knob(
            None, "Clips encoded at a time and computed again in the backward pass, so that memory stays flat; automatic: all at once.",
            low=1, high=4096, unit="clips", title="Clips at a time", advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        within = VideoTransformer.Config(
            pattern=config.pattern, patch_size=config.patch_size, width=config.width, depth=config.clip_depth, heads=config.heads,
            ratio=config.ratio, dropout=config.dropout,
        )  # fmt: skip
        self.clips = VideoTransformer(within, {"video": incoming["video"].part(0, config.clip)})
        self.stack = Stack(
            config.width, config.depth, config.heads, ratio=config.ratio, dropout=config.dropout, options=config
        )

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to one token a clip [B, N, D], N = T / F rounded up."""
        count, length = video.x_BTCHW.shape[1], self.config.clip
        whole = count - count % length
        parts = [self._vectors(video.part(first, end)) for first, end in self._groups(whole)]
        if whole < count:
            parts.append(self._vectors(video.part(whole, count), short=True))
        spans_BN2 = _spans(video, length)
        since_BN1 = (spans_BN2.mean(-1) - video.starts_BT[:, :1])[..., None] * PLACES_PER_SECOND
        x_BND = torch.cat(parts, 1)
        x_BND = self.stack(x_BND + sines(since_BN1, self.config.width).to(x_BND.dtype))
        grid = Grid(kind="times", sizes=(x_BND.shape[1],))
        return {"tokens": Tokens(x_BND=x_BND, modality="video", grid=grid, spans_BT2=spans_BN2)}

    def _groups(self, whole: int) -> list[tuple[int, int]]:
        """From which frame to which clips are encoded together."""
        step = max(whole, 1) if self.config.at_once is None else self.config.at_once * self.config.clip
        return [(first, min(first + step, whole)) for first in range(0, whole, step)]

    def _vectors(self, video: Frames, *, short: bool = False) -> Tensor:
        """One vector a clip [B, N, D]; ``short``: all frames are one clip."""
        length = video.x_BTCHW.shape[1] if short else self.config.clip

        def apart(x_BT: Tensor) -> Tensor:
            return x_BT.unflatten(1, (-1, length)).flatten(0, 1)

        clips = (apart(video.x_BTCHW), apart(video.starts_BT), apart(video.durations_BT))
        if self.config.at_once is not None and torch.is_grad_enabled():
            first_MD: Tensor = checkpoint(self._first, *clips, use_reentrant=False)
        else:
            first_MD = self._first(*clips)
        return first_MD.unflatten(0, (len(video.x_BTCHW), -1))

    def _first(self, x_MFCHW: Tensor, starts_MF: Tensor, durations_MF: Tensor) -> Tensor:
        """What stands for each clip [M, D], of all clips of all films."""
        tokens: Tokens = self.clips(Frames(x_BTCHW=x_MFCHW, starts_BT=starts_MF, durations_BT=durations_MF))["tokens"]
        return tokens.x_BND[:, 0]

    def attentions(self) -> Mapping[str, nn.Module]:
        """Of the clips to each other."""
        return self.stack.attentions()

    def detail(self) -> str:
        """Clip length, width and both depths."""
        c = self.config
        return f"×{c.clip} w{c.width} d{c.clip_depth}+{c.depth} p{c.patch_size}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two films of seven frames, the second at half the rate."""
        return {"video": example_frames(7, 8)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Clips of three frames, the last of one."""
        return {"clip": 3, "patch_size": 4, "width": 12, "clip_depth": 1, "depth": 1}


def _spans(video: Frames, length: int) -> Tensor:
    """From when to when each clip lasts, seconds [B, N, 2]."""
    spans_BT2 = video.spans()
    last_N = torch.arange(length - 1, spans_BT2.shape[1] + length - 1, length).clamp_max(spans_BT2.shape[1] - 1)
    return torch.stack([spans_BT2[:, ::length, 0], spans_BT2[:, last_N, 1]], -1)
