"""A small residual network with group norm (arXiv:1512.03385, 1803.08494): learns well from few pictures.

Group norm keeps samples apart, so gradient caching stays exact and a frozen tower stays frozen.
Axes: B batch, C channels, H height, W width, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut; quiet: they begin at zero, so only the shortcut is there (arXiv:1706.02677)."""

    def __init__(self, channels: int, out: int, stride: int, groups: int, is_quiet: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.GroupNorm(min(groups, out), out), nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.GroupNorm(min(groups, out), out),
        )  # fmt: skip
        same = stride == 1 and channels == out
        self.shortcut: nn.Module = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride, bias=False)
        if is_quiet:
            nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Same height and width divided by the stride."""
        return torch.relu(self.shortcut(x_BCHW) + self.body(x_BCHW))


@blocks.register("encoders.resnet")
class ResNet(Block):
    """Residual convolutions; gives the last feature map as tokens on a grid."""

    title = "ResNet"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1]")}
    gives = {"tokens": port("tokens", "one token per cell of the last feature map", modality="image")}
    any_size = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes of the tower."""

        width: int = knob(32, "Channels of the first stage; each stage doubles them.", low=8, high=512, unit="channels")
        stages: int = knob(4, "Stages; each but the first halves the image.", low=1, high=5)
        depth: int = knob(1, "Residual units per stage.", low=1, high=8, unit="units")
        first_stride: int = knob(2, "Stride of the first convolution.", low=1, high=4, advanced=True)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _, channels, height, width = incoming["image"].shape
        stem = 5 if config.first_stride > 1 else 3
        layers: list[nn.Module] = [
            nn.Conv2d(channels, config.width, stem, config.first_stride, stem // 2, bias=False),
            nn.GroupNorm(8 if config.width % 8 == 0 else 1, config.width), nn.ReLU(inplace=True),
        ]  # fmt: skip
        now = config.width
        for stage in range(config.stages):
            out = config.width * 2**stage
            for unit in range(config.depth):
                layers.append(Residual(now, out, 2 if stage and unit == 0 else 1, 8 if out % 8 == 0 else 1))
                now = out
        self.body = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, C, H, W] in [0, 1]."""
        x_BDHW = self.body(image * 2 - 1)
        grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        return {"tokens": Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)}

    def detail(self) -> str:
        """First width, stages and units."""
        return f"w{self.config.width} s{self.config.stages} d{self.config.depth}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 32, 32)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two narrow stages."""
        return {"width": 8, "stages": 2}
