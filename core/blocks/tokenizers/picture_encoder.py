"""The encoder half of a picture tokenizer: strided convolutions and residual units (VQ-VAE, arXiv:1711.00937).

The map [B, C, h, w] becomes tokens [B, h·w, D]: the projection is from C to D, whatever h·w is. Without a quantizer behind it
these are continuous tokens. Axes: B batch, C channels, H height, W width, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.tokenizers.convolutions import Unit, cell_knob, halvings
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("tokenizers.picture_encoder")
class PictureEncoder(Block):
    """Turns an image into a small grid of tokens from which it can be drawn again."""

    title = "Tokenizer encoder"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1]; both edges multiples of the cell size")}
    gives = {"tokens": port("tokens", "one token per cell of so many pixels along an edge", modality="image")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes."""

        stride: int = cell_knob()
        width: int = knob(
            64, "Channels of the last map; the maps before it have half as many.", low=8, high=512, unit="channels"
        )
        depth: int = knob(2, "Residual units on the last map.", low=0, high=16, unit="units")
        token_width: int = knob(16, "Numbers in a token. Code books need few.", low=1, high=1024, title="Token width")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _, channels, height, width = incoming["image"].shape
        if height % config.stride or width % config.stride:
            raise ValueError(
                f"The images are {width} × {height}; both edges must be multiples of the cell size {config.stride}."
            )
        layers: list[nn.Module] = []
        now, count = channels, halvings(config.stride)
        for level in range(count):
            out = config.width if level == count - 1 else max(config.width // 2, 1)
            layers += [nn.Conv2d(now, out, 4, stride=2, padding=1), nn.ReLU()]
            now = out
        layers += [nn.Conv2d(now, now, 3, padding=1), *(Unit(now) for _ in range(config.depth)), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.project = nn.Conv2d(now, config.token_width, 1)

    def forward(self, image: Tensor) -> dict[str, Any]:
        """[B, C, H, W] in [0, 1] to tokens [B, h·w, D]."""
        x_BDHW = self.project(self.body(image * 2 - 1))
        grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        return {"tokens": Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)}

    def detail(self) -> str:
        """Stride, channels, token width."""
        return f"s{self.config.stride} w{self.config.width} d{self.config.token_width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small images, not square."""
        return {"image": torch.rand(2, 3, 8, 16)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 8, "depth": 1, "token_width": 6}
