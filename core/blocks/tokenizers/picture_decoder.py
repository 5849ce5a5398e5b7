"""The decoder half of a picture tokenizer: residual units, then nearest-neighbour doublings (VQ-VAE, arXiv:1711.00937).

Doubling followed by a convolution leaves no checkerboard (Odena et al., Distill 2016). It needs nothing but the tokens on their
grid, so it draws from codes alone once they are looked up. Axes: B batch, N tokens, D width, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import width_of
from core.blocks.tokenizers.convolutions import Unit, cell_knob, halvings
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("tokenizers.picture_decoder")
class PictureDecoder(Block):
    """Draws an image from a grid of tokens."""

    title = "Tokenizer decoder"
    modality = "image"
    takes = {"tokens": port("tokens", "tokens on the grid of an image", modality="image")}
    gives = {"image": port("image", "images in [0, 1]")}
    reconstructs = {"image": "tokens"}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes."""

        stride: int = cell_knob()
        width: int = knob(
            64, "Channels of the first map; the maps after it have half as many.", low=8, high=512, unit="channels"
        )
        depth: int = knob(2, "Residual units on the first map.", low=0, high=16, unit="units")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _rows_and_columns(incoming["tokens"])
        layers: list[nn.Module] = [nn.Conv2d(width_of(incoming["tokens"]), config.width, 3, padding=1)]
        layers += [*(Unit(config.width) for _ in range(config.depth)), nn.ReLU()]
        now = config.width
        for _ in range(halvings(config.stride)):
            out = max(config.width // 2, 1)
            layers += [nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(now, out, 3, padding=1), nn.ReLU()]
            now = out
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(now, 3, 3, padding=1)

    @property
    def last_weight(self) -> Tensor:
        """The last layer's weight, on which losses that pull on the image are weighed against each other."""
        return self.last.weight

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """Tokens [B, N, D] on a grid h × w to [B, 3, H, W] in [0, 1]; padding is drawn as zeros."""
        x_BDHW = tokens.zeroed().x_BND.transpose(1, 2).unflatten(2, _rows_and_columns(tokens))
        return {"image": torch.sigmoid(self.last(self.body(x_BDHW)))}

    def detail(self) -> str:
        """Stride and channels."""
        return f"s{self.config.stride} w{self.config.width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two grids of two by three tokens."""
        return {"tokens": Tokens(x_BND=torch.randn(2, 6, 5), modality="image", grid=Grid(kind="patches", sizes=(2, 3)))}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 8, "depth": 1}


def _rows_and_columns(tokens: Tokens) -> tuple[int, int]:
    grid = tokens.grid
    if grid is None or grid.kind != "patches" or grid.extra or grid.sizes[0] * grid.sizes[1] != tokens.x_BND.shape[1]:
        raise ValueError("An image is drawn from tokens on its own grid: one for each cell, and no others such as CLS.")
    return grid.sizes[0], grid.sizes[1]
