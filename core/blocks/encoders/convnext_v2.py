"""ConvNeXt V2 from transformers: convolutions with global response normalisation (arXiv:2301.00808).

There is no attention in it: the diagnostic Grad-CAM shows where its evidence lies. Axes: B batch, N cells, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.hub import HubTower, local_only_knob, source_knob
from core.blocks.encoders.hub_image import IMAGENET_DEVIATION, IMAGENET_MEAN
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob

STRIDE = 8  # the last three stages halve the image


@blocks.register("encoders.convnext_v2")
class ConvNeXtV2(HubTower):
    """Turns images into tokens with large convolutions whose channels compete (ConvNeXt V2)."""

    title = "ConvNeXt V2"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1], any size")}
    gives = {"tokens": port("tokens", "one token per cell of the last feature map", modality="image")}
    model_class, config_class = "ConvNextV2Model", "ConvNextV2Config"
    watched = Block.watched  # type: ignore[assignment]  # there is no attention in it
    any_size = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Where weights come from, or how small to build without any."""

        source: str = source_knob("A folder that save_pretrained wrote, or a hub id such as facebook/convnextv2-atto-1k-224. Empty: random weights.")  # fmt: skip
        local_only: bool = local_only_knob()
        width: int = knob(40, "Channels of the first stage, without weights; each of the three others has twice as many as before.",
                          low=4, high=512, unit="channels")  # fmt: skip
        depth: int = knob(
            2, "Layers of each stage, without weights; the third has three times as many.", low=1, high=16
        )
        patch_size: int = knob(4, "Side of the first cut, without weights.", low=1, high=16, unit="px")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)  # type: ignore[arg-type]
        self.model.layernorm = nn.Identity()  # of the pooled vector, which nobody reads here

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """Widths and depths in the proportions of Atto, without dropped paths."""
        c = self.config
        return library.ConvNextV2Config(
            num_channels=incoming["image"].shape[1], image_size=incoming["image"].shape[-1], patch_size=c.patch_size,
            hidden_sizes=[c.width * 2**stage for stage in range(4)], depths=[c.depth, c.depth, 3 * c.depth, c.depth],
        )  # fmt: skip

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, 3, H, W] in [0, 1]. Raises ValueError where it is too small."""
        smallest = STRIDE * self.model.config.patch_size
        if min(image.shape[-2:]) < smallest:
            raise ValueError(
                f"ConvNeXt V2 halves images to nothing below {smallest} pixels; these have {min(image.shape[-2:])}."
            )
        mean, deviation = (
            torch.tensor(row, device=image.device)[:, None, None] for row in (IMAGENET_MEAN, IMAGENET_DEVIATION)
        )
        x_BDHW = self.model(pixel_values=(image - mean) / deviation).last_hidden_state
        grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        return {"tokens": Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)}

    def detail(self) -> str:
        """Where the weights are from."""
        c = self.config
        return c.source.rstrip("/").rsplit("/", 1)[-1] if c.source else f"w{c.width} d{c.depth}" + " · random"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 32, 32)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow, one layer a stage."""
        return {"width": 8, "depth": 1, "patch_size": 2}
