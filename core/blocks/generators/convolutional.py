"""A convolutional generator (after DCGAN, arXiv:1511.06434), with group norm and nearest-neighbour doubling.

Doubling followed by a convolution leaves no checkerboard (Odena et al., Distill 2016), and group norm keeps the samples of
a batch apart. Axes: B batch, D width, C channels, H height, W width of the image.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob

SMALLEST = 4  # cells along an edge of the first map


def _normal(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8 if channels % 8 == 0 else 1, channels)


@blocks.register("generators.convolutional")
class ConvolutionalGenerator(Block):
    """Makes images of noise, and of an embedding that says what they should show, where one is wired."""

    title = "Image generator"
    modality = "image"
    takes = {
        "noise": port("embedding", "what makes one image differ from the next"),
        "condition": port("embedding", "what the image should show", optional=True),
    }
    gives = {"image": port("image", "images in [0, 1]")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Sizes."""

        size: int = knob(
            32,
            "Edge of the generated images: 8, 16, 32, 64, 128 or 256.",
            low=8,
            high=256,
            unit="px",
            title="Image size",
        )
        width: int = knob(32, "Channels before the last convolution; each map before it has twice as many, up to 8 times.",
                          low=4, high=512, unit="channels")  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        doublings = (config.size // SMALLEST).bit_length() - 1
        if SMALLEST * 2**doublings != config.size:
            raise ValueError(f"The image size is {config.size}; it must be 8, 16, 32, 64, 128 or 256.")
        given = sum(incoming[name].shape[-1] for name in ("noise", "condition") if name in incoming)
        widths = [config.width * min(2**level, 8) for level in range(doublings, -1, -1)]
        self.first = nn.Linear(given, widths[0] * SMALLEST**2)
        layers: list[nn.Module] = []
        for now, out in itertools.pairwise(widths):
            layers += [
                _normal(now), nn.ReLU(), nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(now, out, 3, padding=1),
            ]  # fmt: skip
        self.body = nn.Sequential(*layers, _normal(widths[-1]), nn.ReLU())
        self.last = nn.Conv2d(widths[-1], 3, 3, padding=1)

    @property
    def last_weight(self) -> Tensor:
        """The last layer's weight, on which losses that pull on the image are weighed against each other."""
        return self.last.weight

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> dict[str, Any]:
        """[B, D] and [B, D] to [B, 3, H, W]."""
        given_BD = noise if condition is None else torch.cat([noise, condition], dim=-1)
        x_BCHW = self.first(given_BD).unflatten(-1, (-1, SMALLEST, SMALLEST))
        return {"image": torch.sigmoid(self.last(self.body(x_BCHW)))}

    def detail(self) -> str:
        """Width and size."""
        return f"w{self.config.width} · {self.config.size} px"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two rows of noise and what they should show."""
        return {"noise": torch.randn(2, 6), "condition": torch.randn(2, 4)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Eight pixels."""
        return {"size": 8, "width": 4}
