"""The residual networks over films as they were published: R(2+1)D, R3D and MC3 of 18 layers (arXiv:1711.11248).

Layer for layer and name for name those of torchvision's ``r2plus1d_18``, ``r3d_18`` and ``mc3_18`` at a width of 64 and two units per
stage, so their weights fit; the classifier is left to what comes behind. Each stage but the first halves height and width, and time
unless its convolutions see single frames. Axes: B batch, C channels, D width, T frames, H height, W width of a frame, N tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.film_convolution import FilmConvolution
from core.blocks.encoders.video_transformer import example_frames
from core.blocks.values import Frames, Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

FACTORED, WHOLE, MIXED = "(2+1)d", "3d", "mixed"
STAGES = 4
MEAN, SPREAD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)  # of Kinetics-400, in [0, 1]


class Standardised(nn.Module):
    """Frames as the published networks saw them; of other than three channels, half the range and a quarter of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        is_rgb = channels == len(MEAN)
        self.register_buffer("mean_C", torch.tensor(MEAN if is_rgb else (0.5,) * channels), persistent=False)
        self.register_buffer("spread_C", torch.tensor(SPREAD if is_rgb else (0.25,) * channels), persistent=False)

    def forward(self, video: Frames) -> Tensor:
        """[B, T, C, H, W] to [B, C, T, H, W]."""
        mean, spread = (self.get_buffer(name)[:, None, None] for name in ("mean_C", "spread_C"))
        return ((video.in_unit_range() - mean) / spread).transpose(1, 2)


def factored(channels: int, out: int, between: int, stride: int) -> nn.Module:
    """Over the frame, then along time."""
    return nn.Sequential(
        FilmConvolution(channels, between, (1, 3, 3), (1, stride, stride)), nn.BatchNorm3d(between), nn.ReLU(inplace=True),
        FilmConvolution(between, out, (3, 1, 1), (stride, 1, 1)),
    )  # fmt: skip


def whole(channels: int, out: int, between: int, stride: int) -> nn.Module:
    """Over the frame and along time at once."""
    return FilmConvolution(channels, out, (3, 3, 3), (stride, stride, stride))


def flat(channels: int, out: int, between: int, stride: int) -> nn.Module:
    """Of every frame alone."""
    return FilmConvolution(channels, out, (1, 3, 3), (1, stride, stride))


MAKERS = {FACTORED: (factored,) * STAGES, WHOLE: (whole,) * STAGES, MIXED: (whole, *(flat,) * (STAGES - 1))}


class Unit(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, make: Any, channels: int, out: int, stride: int) -> None:
        super().__init__()
        between = channels * out * 27 // (channels * 9 + 3 * out)  # as many weights as one whole convolution has
        self.conv1 = nn.Sequential(make(channels, out, between, stride), nn.BatchNorm3d(out), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(make(out, out, between, 1), nn.BatchNorm3d(out))
        strides = (1 if make is flat else stride, stride, stride)
        self.downsample = (
            nn.Sequential(FilmConvolution(channels, out, (1, 1, 1), strides), nn.BatchNorm3d(out))
            if stride > 1 or channels != out
            else None
        )

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W]."""
        shortcut = x_BDTHW if self.downsample is None else self.downsample(x_BDTHW)
        return torch.relu(self.conv2(self.conv1(x_BDTHW)) + shortcut)


@blocks.register("encoders.video_resnet")
class VideoResNet(Block):
    """R(2+1)D, R3D or MC3 as published; gives the last feature map as tokens."""

    title = "Video ResNet (published)"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per time and cell of the last feature map", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Which of the three, and how large."""

        kind: str = knob(
            FACTORED, "(2+1)d: over the frame, then along time (R(2+1)D). 3d: both at once (R3D). Mixed: 3d at first, then each frame "
            "alone (MC3).", choices=tuple(MAKERS), title="Published network",
        )  # fmt: skip
        width: int = knob(
            64, "Channels of the first stage; each of the other three doubles them.", low=4, high=512, unit="channels"
        )
        depth: int = knob(2, "Residual units per stage.", low=1, high=8, unit="units")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        channels, width = incoming["video"].x_BTCHW.shape[2], config.width
        self.stem = self._stem(channels, width)
        now, makers = width, MAKERS[config.kind]
        for stage in range(STAGES):
            out, units = width * 2**stage, list[nn.Module]()
            for unit in range(config.depth):
                units.append(Unit(makers[stage], now, out, 2 if stage and unit == 0 else 1))
                now = out
            setattr(self, f"layer{stage + 1}", nn.Sequential(*units))
        self.standardised = Standardised(channels)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stem(self, channels: int, width: int) -> nn.Module:
        if self.config.kind != FACTORED:
            first = FilmConvolution(channels, width, (3, 7, 7), (1, 2, 2))
            return nn.Sequential(first, nn.BatchNorm3d(width), nn.ReLU(inplace=True))
        between = max(1, width * 45 // 64)  # 45 of 64, as published
        return nn.Sequential(
            FilmConvolution(channels, between, (1, 7, 7), (1, 2, 2)), nn.BatchNorm3d(between), nn.ReLU(inplace=True),
            FilmConvolution(between, width, (3, 1, 1)), nn.BatchNorm3d(width), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to tokens [B, N, D], time by time and row by row."""
        x_BDTHW = self.stem(self.standardised(video))
        for stage in range(STAGES):
            x_BDTHW = self.get_submodule(f"layer{stage + 1}")(x_BDTHW)
        return {"tokens": as_tokens(x_BDTHW, video)}

    def detail(self) -> str:
        """Kind, width and units."""
        return f"{self.config.kind} w{self.config.width} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films."""
        return {"video": example_frames(9, 16)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow, one unit a stage."""
        return {"width": 4, "depth": 1}


def as_tokens(x_BDTHW: Tensor, video: Frames) -> Tokens:
    """A feature map over fewer times than there are frames as tokens; each time lasts from its first frame to the next time's."""
    count, frames = x_BDTHW.shape[2], video.x_BTCHW.shape[1]
    first_N = torch.arange(count) * frames // count
    last_N = torch.cat([first_N[1:], torch.tensor([frames])]) - 1
    spans_BT2 = video.spans()
    return Tokens(
        x_BND=x_BDTHW.flatten(2).transpose(1, 2), modality="video", grid=Grid(kind="frames", sizes=tuple(x_BDTHW.shape[2:])),
        spans_BT2=torch.stack([spans_BT2[:, first_N, 0], spans_BT2[:, last_N, 1]], -1),
    )  # fmt: skip
