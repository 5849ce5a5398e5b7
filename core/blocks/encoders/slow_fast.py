"""Two pathways over one film: a slow one sees few frames with many channels, a fast one all frames with few (SlowFast, arXiv:1812.03982).

After the first convolution and after each stage but the last, the slow pathway takes in what the fast one has seen around its frames,
by a convolution along time with its stride. The slow pathway convolves along time in its later half only. A token is a cell of both: the
slow frame's, and the mean of the fast ones that it stands for. Axes: B batch, C channels, D width, T frames, S slow frames, H height,
W width of a frame, N tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.video_cnn import FLAT, WHOLE, OverFrames, Unit, normed
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

SEEN = 5  # fast frames that one slow frame takes in


class Across(nn.Conv3d):
    """What the fast pathway has seen around each slow frame: twice its channels."""

    def __init__(self, channels: int, every: int) -> None:
        super().__init__(channels, 2 * channels, (SEEN, 1, 1), (every, 1, 1), bias=False)
        self.every = every

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, 2 D, S, H, W], each around the frame that the slow pathway sees."""
        before = SEEN // 2 - self.every // 2
        behind = SEEN - self.every - before
        return super().forward(F.pad(x_BDTHW, (0, 0, 0, 0, before, behind)))


def _stem(channels: int, width: int, stride: int) -> nn.Module:
    size = 5 if stride > 1 else 3
    return nn.Sequential(OverFrames(channels, width, size, stride, size // 2, bias=False), normed(width), nn.ReLU())


def _stage(kind: str, channels: int, out: int, depth: int, stride: int) -> nn.Module:
    return nn.Sequential(*(Unit(kind, out if unit else channels, out, 1 if unit else stride) for unit in range(depth)))


@blocks.register("encoders.slow_fast")
class SlowFast(Block):
    """Sees what is there in few frames and how it moves in all; gives both as tokens."""

    title = "SlowFast"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per slow frame and cell of the last feature map", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of both pathways."""

        every: int = knob(
            4, "The slow pathway sees one frame in so many; must divide the clip's frames.", low=1, high=64, unit="frames",
            title="Slow frame step",
        )  # fmt: skip
        share: int = knob(
            8, "The fast pathway has this many times fewer channels.", low=1, high=64, title="Fewer fast channels"
        )
        width: int = knob(
            32, "Slow channels of the first stage; each stage doubles them.", low=8, high=512, unit="channels"
        )
        stages: int = knob(3, "Stages; each but the first halves the frames' sides.", low=1, high=5)
        depth: int = knob(1, "Residual units per stage.", low=1, high=8, unit="units")
        first_stride: int = knob(2, "Stride of the first convolution.", low=1, high=4, advanced=True)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        channels = incoming["video"].x_BTCHW.shape[2]
        self._slow_frames(incoming["video"])
        slow, fast = config.width, max(1, config.width // config.share)
        self.slow_stem, self.fast_stem = (_stem(channels, width, config.first_stride) for width in (slow, fast))
        self.across, self.slow, self.fast = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for stage in range(config.stages):
            kind, stride = WHOLE if 2 * (stage + 1) > config.stages else FLAT, 2 if stage else 1
            wider = 2 if stage else 1
            self.across.append(Across(fast, config.every))
            self.slow.append(_stage(kind, slow + 2 * fast, wider * slow, config.depth, stride))
            self.fast.append(_stage(WHOLE, fast, wider * fast, config.depth, stride))
            slow, fast = wider * slow, wider * fast

    def _slow_frames(self, video: Frames) -> int:
        """How many frames the slow pathway sees. Raises ValueError where that is no whole number."""
        count, every = video.x_BTCHW.shape[1], self.config.every
        if count % every:
            raise ValueError(f"A slow frame for every {every} does not divide a clip of {count} frames.")
        return count // every

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to tokens [B, N, D], slow frame by slow frame and row by row."""
        count = self._slow_frames(video)
        x_BCTHW = video.in_unit_range().transpose(1, 2) * 2 - 1
        fast_BDTHW = self.fast_stem(x_BCTHW)
        slow_BDSHW = self.slow_stem(x_BCTHW[:, :, self.config.every // 2 :: self.config.every])
        for across, slow, fast in zip(self.across, self.slow, self.fast):
            slow_BDSHW = slow(torch.cat([slow_BDSHW, across(fast_BDTHW)], 1))
            fast_BDTHW = fast(fast_BDTHW)
        both_BDSHW = torch.cat([slow_BDSHW, fast_BDTHW.unflatten(2, (count, -1)).mean(3)], 1)
        grid = Grid(kind="frames", sizes=tuple(both_BDSHW.shape[2:]))
        spans_BT2 = video.spans(self.config.every)
        x_BND = both_BDSHW.flatten(2).transpose(1, 2)
        return {"tokens": Tokens(x_BND=x_BND, modality="video", grid=grid, spans_BT2=spans_BT2)}

    def detail(self) -> str:
        """First width, stages, units, and how the pathways differ."""
        c = self.config
        return f"w{c.width} s{c.stages} d{c.depth} ×1/{c.every} ÷{c.share}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films."""
        starts_BT = (torch.arange(4, dtype=torch.float64) / 10).expand(2, -1)
        durations_BT = torch.full_like(starts_BT, 0.1)
        return {"video": Frames(x_BTCHW=torch.rand(2, 4, 3, 16, 16), starts_BT=starts_BT, durations_BT=durations_BT)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow stages."""
        return {"every": 2, "share": 4, "width": 8, "stages": 2}
