"""ALIGN's picture tower, an EfficientNet (arXiv:2102.05918, 1905.11946), from transformers' AlignVisionModel.

ALIGN is InfoNCE with label smoothing 0.1 on noisy pairs: wire this and ALIGN's BERT to InfoNCE. Axes: B batch, N cells, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.encoders.hub import HubTower, local_only_knob, source_knob
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob


@blocks.register("encoders.align_vision")
class AlignVision(HubTower):
    """ALIGN's convolutional image tower with its own weights, or small with random ones."""

    title = "ALIGN vision"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1], any size")}
    gives = {"tokens": port("tokens", "one token per cell of the last feature map", modality="image")}
    model_class, config_class = "AlignVisionModel", "AlignVisionConfig"
    whole = ("align", "AlignModel", "vision_model")
    watched = Block.watched  # type: ignore[assignment]  # there is no attention in it

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """Where weights come from, or how small to build without any."""

        source: str = source_knob("A folder that save_pretrained wrote, or a hub id such as kakaobrain/align-base. Empty: random weights.")  # fmt: skip
        local_only: bool = local_only_knob()
        width_share: float = knob(
            0.5, "Channels relative to EfficientNet-B0, without weights; ALIGN has 2.", low=0.05, high=4
        )
        depth_share: float = knob(
            0.5, "Layers relative to EfficientNet-B0, without weights; ALIGN has 3.1.", low=0.1, high=4
        )

    def small(self, library: Any, incoming: Mapping[str, Any]) -> Any:
        """EfficientNet-B0 times the shares, without dropped connections: a batch of two must do."""
        c = self.config
        return library.AlignVisionConfig(
            image_size=incoming["image"].shape[-1], width_coefficient=c.width_share, depth_coefficient=c.depth_share,
            hidden_dim=max(8, round(1280 * c.width_share)), drop_connect_rate=0.0,
        )  # fmt: skip

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, 3, H, W] in [0, 1]."""
        x_BDHW = self.model(pixel_values=image * 2 - 1).last_hidden_state
        grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        return {"tokens": Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)}

    def detail(self) -> str:
        """Where the weights are from."""
        c = self.config
        return c.source.rstrip("/").rsplit("/", 1)[-1] if c.source else f"B0 × {c.width_share:g} · random"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 64, 64)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A tenth of the channels."""
        return {"width_share": 0.1, "depth_share": 0.1}
