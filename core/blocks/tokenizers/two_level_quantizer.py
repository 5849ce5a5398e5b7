"""A coarse and a fine map of codes (VQ-VAE-2, arXiv:1906.00446): the coarse one says what, the fine one where and how exactly.

The tokens that come in are the fine map. They are halved into the coarse map, which is quantized first; what it says, drawn large
again, stands beside the fine tokens when those are quantized. The tokens given are the sum of both; ``coarse`` is what the coarse map
says alone, at the same size: a decoder in a second place shows it. Each map has a ``VectorQuantize`` of vector-quantize-pytorch.
Axes: B batch, N fine tokens, D width, H and W cells, K codes of a book.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.tokenizers.averaged import AveragedBooks
from core.blocks.tokenizers.convolutions import Unit
from core.blocks.tokenizers.quantizer import Quantizer
from core.blocks.tokenizers.vector_quantizer import VectorQuantizer
from core.blocks.values import Codes, Grid, Tokens
from core.graph.ports import port


@blocks.register("tokenizers.two_level_quantizer")
class TwoLevelQuantizer(Quantizer):
    """Replaces tokens by two maps of codes: a coarse one with half as many rows and columns, and a fine one that knows it."""

    title = "Two-level quantizer"
    gives: ClassVar[Mapping[str, Any]] = {
        **Quantizer.gives, "coarse": port("tokens", "what the coarse map says alone, on the fine grid", modality="image"),
    }  # fmt: skip
    Config = AveragedBooks.Config  # type: ignore[assignment]

    def __init__(self, config: AveragedBooks.Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        _halves(incoming["tokens"])
        self.down = nn.Sequential(nn.Conv2d(self.width, self.width, 4, stride=2, padding=1), Unit(self.width))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(self.width, self.width, 3, padding=1)
        )
        self.beside = nn.Conv2d(2 * self.width, self.width, 1)
        self.coarse, self.fine = (VectorQuantizer(config, incoming) for _ in range(2))
        self.dead_share = config.dead

    @property
    def books(self) -> tuple[int, ...]:
        """The coarse one and the fine one."""
        return (*self.coarse.books, *self.fine.books)

    def chosen(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to tokens [B, N, D], codes [B, N / 4 + N], one number, and the coarse tokens [B, N, D]."""
        grid = _halves(tokens)
        x_BDHW = tokens.zeroed().x_BND.transpose(1, 2).unflatten(2, (grid.sizes[0] * 2, grid.sizes[1] * 2))
        top = self.coarse(_as_tokens(self.down(x_BDHW), grid))
        large_BDHW = self.up(_as_map(top["tokens"]))
        fine_grid = Grid(kind="patches", sizes=(x_BDHW.shape[2], x_BDHW.shape[3]))
        bottom = self.fine(_as_tokens(self.beside(torch.cat([x_BDHW, large_BDHW], 1)), fine_grid))
        large_BND = _as_tokens(large_BDHW, fine_grid).x_BND
        self._penalties = {"coarse": top["penalty"].detach(), "fine": bottom["penalty"].detach()}
        return {
            "tokens": tokens.with_x(bottom["tokens"].x_BND + large_BND), "coarse": tokens.with_x(large_BND),
            "codes": self._both(top["codes"].ids_BN, bottom["codes"].ids_BN, fine_grid), "penalty": top["penalty"] + bottom["penalty"],
        }  # fmt: skip

    def _both(self, coarse_BN: Tensor, fine_BN: Tensor, grid: Grid) -> Codes:
        return Codes(ids_BN=torch.cat([coarse_BN, fine_BN + self.books[0]], 1), books=self.books, grid=grid)

    def decode(self, codes: Codes) -> Tokens:
        """All coarse codes and then all fine ones as tokens. Raises ValueError for numbers that are no codes, or have no grid."""
        fine, coarse = self._looked_up(codes)
        return fine.with_x(fine.x_BND + coarse.x_BND)

    def given(self, codes: Codes) -> dict[str, Any]:
        """What codes stand for, and what the coarse ones say alone."""
        return {**super().given(codes), "coarse": self._looked_up(codes)[1]}

    def _looked_up(self, codes: Codes) -> tuple[Tokens, Tokens]:
        """What the fine codes add, and what the coarse ones say, both on the fine grid."""
        self.check(codes)
        if codes.grid is None:
            raise ValueError("Codes of two maps need their grid.")
        rows, columns = codes.grid.sizes
        small = Grid(kind="patches", sizes=(rows // 2, columns // 2))
        coarse_BN, fine_BN = codes.ids_BN.split([rows * columns // 4, rows * columns], 1)
        if not coarse_BN.is_meta and (int(coarse_BN.max()) >= self.books[0] or int(fine_BN.min()) < self.books[0]):
            raise ValueError("The coarse codes come first, then the fine ones.")
        top = self.coarse.decode(Codes(ids_BN=coarse_BN, books=self.coarse.books, grid=small))
        bottom = self.fine.decode(Codes(ids_BN=fine_BN - self.books[0], books=self.fine.books, grid=codes.grid))
        return bottom, _as_tokens(self.up(_as_map(top)), codes.grid)

    def alone(self, book: int, device: torch.device) -> Tensor:
        """Every code of one map by itself, [K, D]; a coarse one as the middle of a map that holds no other."""
        if book:
            return self.fine.alone(0, device)
        return self.up(self.coarse.alone(0, device)[:, :, None, None].expand(-1, -1, 3, 3))[:, :, 3, 3]

    def after_update(self) -> None:
        """Both books follow."""
        self.coarse.after_update()
        self.fine.after_update()

    def detail(self) -> str:
        """Codes of each map."""
        return f"K{self.config.codes} ×2"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two grids of two by four tokens."""
        return {"tokens": Tokens(x_BND=torch.randn(2, 8, 8), modality="image", grid=Grid(kind="patches", sizes=(2, 4)))}

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Five codes each."""
        return {"codes": 5}


def _halves(tokens: Tokens) -> Grid:
    """The coarse grid. Raises ValueError where there is none."""
    grid = tokens.grid
    if grid is None or grid.kind != "patches" or grid.extra or any(size % 2 for size in grid.sizes):
        raise ValueError("Two maps need tokens on the grid of an image with even numbers of rows and columns.")
    return Grid(kind="patches", sizes=(grid.sizes[0] // 2, grid.sizes[1] // 2))


def _as_tokens(x_BDHW: Tensor, grid: Grid) -> Tokens:
    return Tokens(x_BND=x_BDHW.flatten(2).transpose(1, 2), modality="image", grid=grid)


def _as_map(tokens: Tokens) -> Tensor:
    assert tokens.grid is not None
    return tokens.x_BND.transpose(1, 2).unflatten(2, tokens.grid.sizes)
