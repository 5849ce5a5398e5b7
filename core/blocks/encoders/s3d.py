"""S3D as published: Inception over films with every convolution along time apart from the one over the frame (arXiv:1712.04851).

Layer for layer and name for name the features of torchvision's ``s3d`` where the share of channels is 1, so its weights fit; the
classifier is left to what comes behind. Time is divided by 8, height and width by 32. Axes: B batch, C channels, D width, T frames,
H height, W width of a frame, N tokens.
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
from core.blocks.encoders.video_resnet import Standardised, as_tokens
from core.blocks.encoders.video_transformer import example_frames
from core.blocks.values import Frames
from core.graph.ports import port
from core.knobs import knob

LEAST_FRAMES, LEAST_EDGE = 8, 32
INCEPTIONS = (  # channels: of one cell, then middle and end of two branches, then of what is pooled
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)  # fmt: skip
POOLED_BEFORE = {2: ((3, 3, 3), (1, 1, 1)), 7: ((2, 2, 2), (0, 0, 0))}  # before which of them: kernel and padding


class Normed(nn.Sequential):
    """A convolution, a norm and a ReLU."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: tuple[int, int, int] = (1, 1, 1),
        stride: tuple[int, int, int] = (1, 1, 1),
    ) -> None:
        norm = nn.BatchNorm3d(out, eps=0.001, momentum=0.001)
        super().__init__(FilmConvolution(channels, out, kernel, stride), norm, nn.ReLU(inplace=True))


class Apart(nn.Sequential):
    """Over the frame, then along time."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            Normed(channels, out, (1, kernel, kernel), (1, stride, stride)),
            Normed(out, out, (kernel, 1, 1), (stride, 1, 1)),
        )


class Inception(nn.Module):
    """Four ways side by side."""

    def __init__(self, channels: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        one, first, first_out, second, second_out, pooled = sizes
        self.branch0 = Normed(channels, one)
        self.branch1 = nn.Sequential(Normed(channels, first), Apart(first, first_out, 3))
        self.branch2 = nn.Sequential(Normed(channels, second), Apart(second, second_out, 3))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), Normed(channels, pooled))
        self.width = one + first_out + second_out + pooled

    def forward(self, x_BDTHW: Tensor) -> Tensor:
        """[B, D, T, H, W]."""
        return torch.cat([branch(x_BDTHW) for branch in (self.branch0, self.branch1, self.branch2, self.branch3)], 1)


@blocks.register("encoders.s3d")
class S3D(Block):
    """Separable Inception over a video as published; gives the last feature map as tokens."""

    title = "S3D (published)"
    modality = "video"
    takes = {"video": port("video", "frames with their times")}
    gives = {"tokens": port("tokens", "one token per time and cell of the last feature map", modality="video")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How large."""

        share: float = knob(
            1.0,
            "All channels are multiplied by it; 1 is as published.",
            low=0.0625,
            high=2.0,
            title="Share of channels",
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        frames, channels, height, width = incoming["video"].x_BTCHW.shape[1:]
        if frames < LEAST_FRAMES or min(height, width) < LEAST_EDGE:
            raise ValueError(
                f"S3D needs at least {LEAST_FRAMES} frames of {LEAST_EDGE} x {LEAST_EDGE} pixels; these are {frames} of {height} x "
                f"{width}."
            )

        def many(count: int) -> int:
            return max(1, round(count * config.share))

        pooled = ((1, 3, 3), (1, 2, 2), (0, 1, 1))
        layers: list[nn.Module] = [
            Apart(channels, many(64), 7, 2), nn.MaxPool3d(*pooled), Normed(many(64), many(64)), Apart(many(64), many(192), 3),
            nn.MaxPool3d(*pooled),
        ]  # fmt: skip
        now = many(192)
        for place, sizes in enumerate(INCEPTIONS):
            if place in POOLED_BEFORE:
                kernel, around = POOLED_BEFORE[place]
                layers.append(nn.MaxPool3d(kernel, (2, 2, 2), around))
            made = Inception(now, tuple(many(size) for size in sizes))
            layers.append(made)
            now = made.width
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        self.standardised = Standardised(channels)

    def forward(self, video: Frames) -> dict[str, Any]:
        """Frames [B, T, C, H, W] to tokens [B, N, D], time by time and row by row."""
        return {"tokens": as_tokens(self.features(self.standardised(video)), video)}

    def detail(self) -> str:
        """The share of channels."""
        return f"×{self.config.share:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two short films, as small as they may be."""
        return {"video": example_frames(LEAST_FRAMES, LEAST_EDGE)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """An eighth of the channels: with fewer a rounded number turns the gradient of all."""
        return {"share": 0.125}
