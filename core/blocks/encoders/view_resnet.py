"""One residual network over every view of an object (arXiv:1505.00880): as many tokens as there are views, in no order.

Each is the mean of its view's last feature map and knows nothing of the others, so what is pooled of them without order is the same
however they come, and any of them can be left out. Axes: B batch, V views, C channels, H height, W width, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.encoders.resnet import ResNet
from core.blocks.values import Grid, Tokens, Views
from core.graph.ports import port


@blocks.register("encoders.view_resnet")
class ViewResNet(ResNet):
    """Residual convolutions over each view of an object; one token per view."""

    title = "ResNet over views"
    modality = "image"
    takes = {"views": port("views", "images of one object in [0, 1], in no order")}
    gives = {"tokens": port("tokens", "one token per view", axes="B V D", modality="image")}
    any_size = False

    @dataclass(frozen=True, kw_only=True)
    class Config(ResNet.Config):
        """Sizes of the tower."""

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, {"image": incoming["views"].x_BVCHW.flatten(0, 1)})

    def forward(self, views: Views) -> dict[str, Any]:  # type: ignore[override]
        """[B, V, C, H, W] to [B, V, D]; zeros where there is no view."""
        real_BV = views.mask_BV
        x_BVCHW = torch.where(real_BV[..., None, None, None], views.x_BVCHW, 0.0)
        each: Tensor = self.body(x_BVCHW.flatten(0, 1) * 2 - 1).mean((2, 3))
        x_BVD = each.unflatten(0, real_BV.shape)
        x_BVD = torch.where(real_BV[..., None], x_BVD, 0.0)
        grid = Grid(kind="latents", sizes=(real_BV.shape[1],))
        return {"tokens": Tokens(x_BND=x_BVD, mask_BN=real_BV, modality="image", grid=grid)}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two objects of three views; the second has only two."""
        mask = torch.tensor([[True, True, True], [True, False, True]])
        return {"views": Views(x_BVCHW=torch.rand(2, 3, 3, 32, 32), mask_BV=mask)}
