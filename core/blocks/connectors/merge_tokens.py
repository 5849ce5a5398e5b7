"""Alike tokens become one, N to N - R, between two layers or towers (ToMe, arXiv:2210.09461).

Each goes on as the mean of what it is made of and with its size; attention and means behind weigh it by that, times and maps find
the places that it is made of. Leading tokens and padding are never merged. How alike two are is the cosine of the tokens themselves;
the two sides of the matching lie as on a checkerboard, so a cell may join its neighbour in the image, in time or in pitch.
Axes: B batch, N tokens, M the first tokens that were, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import mask_of
from core.blocks.merging import in_order, merge
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("connectors.merge_tokens")
class MergeTokens(Block):
    """Merges the most alike tokens, so that fewer go on and nothing is dropped."""

    title = "Merge alike tokens"
    takes = {"tokens": port("tokens", "tokens of any number")}
    gives = {"tokens": port("tokens", "fewer tokens, which know what they are made of")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many fewer."""

        fewer: int = knob(
            16, "Tokens that are merged into others; at most half of a sample's.", low=0, high=65536, unit="tokens",
            title="Tokens merged",
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        grid = _grid_of(incoming["tokens"])
        self.lead = 0 if grid is None else grid.extra
        self.sizes: tuple[int, int] | None = None

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, N - R, D], in the order of the first token that each is made of."""
        real_BN, lead = mask_of(tokens), self.lead
        x_BND, size_BN = full(tokens.zeroed().x_BND), tokens.size_BN
        if size_BN is None:
            size_BN = real_BN.to(x_BND.dtype)
        count, own_B = x_BND.shape[1] - lead, real_BN[:, lead:].sum(1)
        kept = count - min(self.config.fewer, count // 2)
        kept_B = own_B - (own_B // 2).clamp_max(self.config.fewer)
        order_N = _checkered(tokens, count, x_BND.device)
        merged = merge(x_BND[:, lead:][:, order_N], size_BN[:, lead:][:, order_N], kept, kept_B)
        merged = in_order(replace(merged, into_BN=merged.into_BN[:, order_N.argsort()]))
        size_BK = torch.cat([size_BN[:, :lead], merged.size_BK], 1)
        lead_BE = torch.arange(lead, device=x_BND.device).expand(len(x_BND), -1)
        into_BN = torch.where(real_BN, torch.cat([lead_BE, merged.into_BN + lead], 1), -1)
        if tokens.into_BM is not None:
            into_BN = torch.where(tokens.into_BM >= 0, into_BN.gather(1, tokens.into_BM.clamp_min(0)), -1)
        self.sizes = (x_BND.shape[1], size_BK.shape[1])
        x_BKD = torch.cat([x_BND[:, :lead], merged.x_BKD], 1).to(tokens.x_BND.dtype)
        return {
            "tokens": Tokens(
                x_BND=x_BKD, mask_BN=size_BK > 0, modality=tokens.modality, spans_BT2=tokens.spans_BT2, size_BN=size_BK,
                into_BM=into_BN, before=_grid_of(tokens),
            )
        }  # fmt: skip

    def readings(self) -> Mapping[str, float | Tensor]:
        """Which share of the tokens goes on."""
        return {} if self.sizes is None else {"tokens left": self.sizes[1] / self.sizes[0]}

    def detail(self) -> str:
        """How many fewer."""
        return f"−{self.config.fewer}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and three frames of two cells, three of them padding in the second sample."""
        start_T = torch.arange(3, dtype=torch.float64) / 10
        spans_BT2 = torch.stack([start_T, start_T + 0.1], -1).expand(2, -1, -1)
        mask = torch.ones(2, 7, dtype=torch.bool)
        mask[1, 4:] = False
        grid = Grid(kind="frames", sizes=(3, 1, 2), extra=1)
        x_BND = torch.randn(2, 7, 16)
        return {"tokens": Tokens(x_BND=x_BND, mask_BN=mask, modality="video", grid=grid, spans_BT2=spans_BT2)}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two fewer."""
        return {"fewer": 2}


def _checkered(tokens: Tokens, count: int, device: torch.device) -> Tensor:
    """An order in which every second cell is of one colour of a checkerboard, so that neighbours along any axis may join [N].

    Row by row a cell would never meet itself in the next frame, where a frame has an even number of cells.
    """
    place_N = torch.arange(count, device=device)
    grid = tokens.grid
    if grid is None or tokens.cells_BN is not None or math.prod(grid.sizes) != count:
        return place_N
    colour_N = torch.zeros_like(place_N)
    for size in reversed(grid.sizes):
        colour_N, place_N = colour_N + place_N % size, place_N // size
    colour_N = colour_N % 2
    among_N = torch.where(colour_N == 1, colour_N.cumsum(0), (1 - colour_N).cumsum(0))
    return (2 * among_N + colour_N).argsort()


def _grid_of(tokens: Tokens) -> Grid | None:
    """What the tokens stood for at first."""
    return tokens.before if tokens.into_BM is not None else tokens.grid
