"""Two by two neighbouring patches become one token: a quarter of the tokens and nothing dropped (Qwen2-VL, arXiv:2409.12191).

A norm, the four side by side, and two layers with GELU, as its patch merger. Axes: B batch, N tokens, M merged tokens, D width.
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

EDGE = 2  # patches along each edge of a token


@blocks.register("connectors.merge_patches")
class MergePatches(Block):
    """Makes one token of every two by two patches."""

    title = "Merge patches"
    modality = "image"
    takes = {"tokens": port("tokens", "patches of an image", modality="image")}
    gives = {"tokens": port("tokens", "a quarter of them; CLS is left out", modality="image")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """The width behind it."""

        width: int = knob(192, "Size of a merged token.", low=2, high=16384)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        tokens: Tokens = incoming["tokens"]
        if tokens.place_BN2 is None and (
            tokens.grid is None or tokens.grid.kind != "patches" or tokens.cells_BN is not None
        ):
            raise ValueError("Merging needs patches whose rows and columns are known, and none of them dropped.")
        if tokens.grid is not None and any(side % EDGE for side in tokens.grid.sizes):
            raise ValueError(
                f"Merging needs an even number of patches each way; there are {' x '.join(map(str, tokens.grid.sizes))}."
            )
        width = tokens.x_BND.shape[-1]
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(4 * width, 4 * width), nn.GELU(), nn.Linear(4 * width, config.width))

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, N / 4, width]; N without CLS."""
        if tokens.place_BN2 is None:
            return {"tokens": self._of_one_size(tokens)}
        place_BN2 = tokens.place_BN2
        size_B2 = place_BN2.amax(1) + 1
        there_BM4, place_BM2, real_BM = _children(place_BN2, size_B2)
        x_BND = self.norm(tokens.zeroed().x_BND)
        rows_B11 = torch.arange(len(x_BND), device=x_BND.device)[:, None, None]
        merged_BMD = self.mlp(x_BND[rows_B11, there_BM4].flatten(2))
        merged_BMD = torch.where(real_BM[..., None], merged_BMD, 0.0)
        return {"tokens": Tokens(x_BND=merged_BMD, mask_BN=real_BM, modality="image", place_BN2=place_BM2)}

    def _of_one_size(self, tokens: Tokens) -> Tokens:
        """A merged token is real where any of its four is; zeros stand for the others."""
        assert tokens.grid is not None
        rows, columns = (side // EDGE for side in tokens.grid.sizes)

        def in_fours(x_BN: Tensor) -> Tensor:
            """[B, N, ...] to [B, M, 4, ...]."""
            cells = x_BN[:, tokens.grid.extra :].unflatten(1, (rows, EDGE, columns, EDGE))  # type: ignore[union-attr]
            return cells.transpose(2, 3).flatten(1, 2).flatten(2, 3)

        four_BM4D, mask_BM = in_fours(self.norm(tokens.zeroed().x_BND)), None
        if tokens.mask_BN is not None:
            real_BM4 = in_fours(tokens.mask_BN)
            four_BM4D, mask_BM = torch.where(real_BM4[..., None], four_BM4D, 0.0), real_BM4.any(-1)
        grid = Grid(kind="patches", sizes=(rows, columns))
        return Tokens(x_BND=self.mlp(four_BM4D.flatten(2)), mask_BN=mask_BM, modality="image", grid=grid)

    def detail(self) -> str:
        """What becomes of how many."""
        return f"2×2 · w{self.config.width}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pictures of two by four patches behind a CLS."""
        return {
            "tokens": Tokens(
                x_BND=torch.randn(2, 9, 6), modality="image", grid=Grid(kind="patches", sizes=(2, 4), extra=1)
            )
        }

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Narrow."""
        return {"width": 8}


def _children(place_BN2: Tensor, size_B2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where each merged token's four patches stand [B, M, 4], its row and column [B, M, 2] (-1: none), and which are real [B, M].

    Raises ValueError where a picture has an odd number of rows or columns.
    """
    batch, count = place_BN2.shape[:2]
    device = place_BN2.device
    slots_M = torch.arange(-(-count // EDGE**2), device=device)
    if device.type == "meta":
        shape = (batch, len(slots_M))
        return (
            slots_M.new_empty(*shape, 4),
            slots_M.new_empty(*shape, 2),
            torch.empty(shape, dtype=torch.bool, device=device),
        )
    if bool((size_B2 % EDGE).any()):
        raise ValueError(
            "An image here has an odd number of patches one way, so two by two cannot be merged; choose the sizing rule "
            "mergeable where image sizes are kept."
        )
    first_B = (place_BN2[:, 0, 0] < 0).long()  # behind CLS, which has no place
    across_B1 = size_B2[:, 1:] // EDGE
    row_BM, column_BM = slots_M // across_B1.clamp_min(1), slots_M % across_B1.clamp_min(1)
    real_BM = slots_M < (size_B2.prod(1) // EDGE**2)[:, None]
    children = [
        first_B[:, None] + (EDGE * row_BM + down) * size_B2[:, 1:] + EDGE * column_BM + right
        for down in range(EDGE) for right in range(EDGE)
    ]  # fmt: skip
    there_BM4 = torch.where(real_BM[..., None], torch.stack(children, -1), 0)
    place_BM2 = torch.where(real_BM[..., None], torch.stack([row_BM, column_BM], -1), -1)
    return there_BM4, place_BM2, real_BM
