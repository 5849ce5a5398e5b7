"""One vector a box: RoIAlign on a picture's grid of tokens (Mask R-CNN, arXiv:1703.06870; RegionCLIP, arXiv:2112.09106).

Points lie evenly in every box and are read by bilinear interpolation, with half a cell's shift (torchvision's
``aligned=True``), then averaged. On a map that is affine in x and y the mean of the points is the map's mean over the box, so
a box around the whole picture gives the global pool. Axes: B batch, N tokens or boxes, D width, P points an edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port
from core.knobs import knob


def roi_align(map_BDHW: Tensor, boxes_BN4: Tensor, bins: int, points: int) -> Tensor:
    """[B, N, D, bins, bins]: means of points x points samples in every bin of every box.

    Boxes are left, top, right, bottom as shares of the picture's edges. Reads beyond the map's cell centres take the
    border's value, as torchvision's does within one cell of the border.
    """
    edge = bins * points
    share_P = (torch.arange(edge, device=map_BDHW.device, dtype=map_BDHW.dtype) + 0.5) / edge
    low_BN2, high_BN2 = boxes_BN4.to(map_BDHW.dtype).split(2, dim=-1)
    place_BN2P = low_BN2[..., None] + (high_BN2 - low_BN2)[..., None] * share_P
    x_BNPP = place_BN2P[:, :, 0, None, :].expand(-1, -1, edge, -1)
    y_BNPP = place_BN2P[:, :, 1, :, None].expand(-1, -1, -1, edge)
    grid = torch.stack([x_BNPP, y_BNPP], -1).flatten(1, 2) * 2 - 1  # [B, N * P, P, 2], in [-1, 1]
    is_number = grid.isfinite()  # a NaN here would end the process in the backward pass
    read = F.grid_sample(
        map_BDHW, torch.where(is_number, grid, 0.0), mode="bilinear", padding_mode="border", align_corners=False
    )
    read = torch.where(is_number.all(-1)[:, None], read, torch.nan)
    read_BDNPP = read.unflatten(2, (boxes_BN4.shape[1], edge))
    binned = read_BDNPP.unflatten(4, (bins, points)).unflatten(3, (bins, points)).mean((4, 6))
    return binned.transpose(1, 2)


@blocks.register("connectors.region_pool")
class RegionPool(Block):
    """Makes one token of every box in an image (RoIAlign)."""

    title = "Region pooling"
    modality = "image"
    takes = {
        "tokens": port("tokens", "an image's grid of tokens", modality="image"),
        "boxes": port("boxes", "left, top, right, bottom as shares of the image"),
    }
    gives = {"tokens": port("tokens", "one token per box", modality="image")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How finely a box is read."""

        bins: int = knob(
            2, "Cells along each edge of a box; they are joined by one linear map.", low=1, high=14, title="Output size"
        )
        points: int = knob(2, "Points read along each edge of a cell.", low=1, high=16, unit="points")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        if tokens.grid is None or tokens.grid.kind != "patches":
            raise ValueError("Boxes need tokens on an image's grid; these have none.")
        width = tokens.x_BND.shape[-1]
        self.join = nn.Linear(width * config.bins**2, width) if config.bins > 1 else None

    def forward(self, tokens: Tokens, boxes: Tensor) -> dict[str, Any]:
        """Tokens [B, N, D] on a grid and boxes [B, K, 4] to tokens [B, K, D]."""
        assert tokens.grid is not None
        if tokens.cells_BN is not None:
            raise ValueError("Patches were dropped, so the grid has holes; set patch dropout to 0.")
        height, width = tokens.grid.sizes
        map_BDHW = tokens.zeroed().x_BND[:, tokens.grid.extra :].transpose(1, 2).unflatten(-1, (height, width))
        read = roi_align(full(map_BDHW), boxes, self.config.bins, self.config.points).flatten(2)
        made_BKD = read.to(tokens.x_BND.dtype) if self.join is None else self.join(read.to(self.join.weight.dtype))
        grid = Grid(kind="latents", sizes=(boxes.shape[1],))
        return {"tokens": Tokens(x_BND=made_BKD, modality="image", grid=grid)}

    def detail(self) -> str:
        """Points in a box."""
        edge = self.config.bins * self.config.points
        return f"{edge} × {edge}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pictures of 3 x 2 cells after CLS, three boxes in each."""
        low = torch.rand(2, 3, 2) * 0.5
        tokens = Tokens(x_BND=torch.randn(2, 7, 8), modality="image", grid=Grid(kind="patches", sizes=(3, 2), extra=1))
        return {"tokens": tokens, "boxes": torch.cat([low, low + 0.4], -1)}
