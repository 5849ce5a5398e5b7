"""Ways from N tokens to K: averages, a random choice, learned maps, soft k-means, merging, a resampler.

Each takes tokens [B, N, D] and what is real [B, N] and gives tokens [B, K, D] and what is real [B, K]. All but the
resampler turn equal tokens into that same token. Axes: B batch, N tokens, K fewer tokens, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from core.blocks.attention.core import Attention
from core.blocks.attention.modern import EPSILON, SwiGLU
from core.blocks.merging import LEAST, merge

Fewer = tuple[Tensor, Tensor]


def weighted(weight_BKN: Tensor, x_BND: Tensor) -> Tensor:
    """Means by weight [B, K, D]."""
    return weight_BKN @ x_BND / weight_BKN.sum(-1, keepdim=True).clamp_min(LEAST)


def stretches(count: int, kept: int, device: torch.device) -> Tensor:
    """Which of ``kept`` neighbouring groups each token is in, as weights [K, N]; like adaptive average pooling."""
    edges = torch.arange(kept, device=device)
    low, high = (edges * count) // kept, -((-(edges + 1) * count) // kept)
    place = torch.arange(count, device=device)
    return ((place >= low[:, None]) & (place < high[:, None])).float()


def windows(cells: tuple[int, int], kept: int, device: torch.device) -> Tensor:
    """Groups of neighbours in a picture, [K, N]: rectangles where K has two factors that fit, else stretches."""
    rows = next((r for r in range(math.isqrt(kept), 0, -1) if kept % r == 0), 1)
    if rows > cells[0] or kept // rows > cells[1]:
        return stretches(cells[0] * cells[1], kept, device)
    down, across = stretches(cells[0], rows, device), stretches(cells[1], kept // rows, device)
    return torch.einsum("ah,bw->abhw", down, across).reshape(kept, -1)


class Average(nn.Module):
    """Means of neighbours."""

    def __init__(self, kept: int, cells: tuple[int, int] | None) -> None:
        super().__init__()
        self.kept, self.cells = kept, cells

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """Groups without any real token are padding."""
        n, fits = x_BND.shape[1], self.cells is not None and math.prod(self.cells) == x_BND.shape[1]
        groups = (
            windows(self.cells, self.kept, x_BND.device)
            if fits and self.cells
            else stretches(n, self.kept, x_BND.device)
        )
        weight = groups.to(x_BND.dtype) * real_BN[:, None].to(x_BND.dtype)
        return weighted(weight, x_BND), weight.sum(-1) > 0


class Random(nn.Module):
    """A random choice, the same for a sample at every evaluation."""

    def __init__(self, kept: int) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """Real tokens first."""
        if x_BND.device.type == "meta":
            return x_BND[:, : self.kept], real_BN[:, : self.kept]
        fixed = None if self.training else torch.Generator().manual_seed(0)
        shape = x_BND.shape[:2] if self.training else (1, x_BND.shape[1])
        dice = torch.rand(shape, generator=fixed).to(x_BND.device) + real_BN
        chosen = dice.topk(self.kept, dim=1).indices.sort().values
        return x_BND.gather(1, chosen[..., None].expand(-1, -1, x_BND.shape[-1])), real_BN.gather(1, chosen)


class TokenLearner(nn.Module):
    """K learned maps over the tokens, each a weighted mean."""

    def __init__(self, width: int, kept: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, kept))

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """Softmax over real tokens."""
        has = real_BN.any(-1)[:, None, None]
        scores_BKN = self.maps(x_BND).transpose(1, 2).masked_fill(~(real_BN[:, None] | ~has), -torch.inf)
        y_BKD = scores_BKN.softmax(-1) @ x_BND
        return y_BKD, has[..., 0].expand(-1, y_BKD.shape[1])


class SoftKMeans(nn.Module):
    """Soft k-means from the means of neighbours, with a learned temperature."""

    def __init__(self, kept: int, cells: tuple[int, int] | None, rounds: int = 3) -> None:
        super().__init__()
        self.start, self.rounds = Average(kept, cells), rounds
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """Tokens share themselves out among centres; centres are their means."""
        centre_BKD, real_BK = self.start(x_BND, real_BN)
        for _ in range(self.rounds):
            near_BKN = _nearness(centre_BKD, x_BND)
            near_BKN = (near_BKN * self.log_scale.exp()).masked_fill(~real_BK[..., None], -1e9)
            centre_BKD = weighted(near_BKN.softmax(1) * real_BN[:, None].to(x_BND.dtype), x_BND)
        return centre_BKD, real_BK


def _nearness(centre_BKD: Tensor, x_BND: Tensor) -> Tensor:
    """Minus the squared distance over sqrt(D), without a [B, K, N, D] table."""
    width = x_BND.shape[-1]
    cross = centre_BKD @ x_BND.transpose(1, 2)
    return (2 * cross - centre_BKD.pow(2).sum(-1)[..., None] - x_BND.pow(2).sum(-1)[:, None]) / width**0.5


class Merging(nn.Module):
    """Alike tokens become one."""

    def __init__(self, kept: int) -> None:
        super().__init__()
        self.kept = kept

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """Padding goes first."""
        merged = merge(x_BND, real_BN.to(x_BND.dtype), self.kept)
        return merged.x_BKD, merged.size_BK > 0


class ResamplerLayer(nn.Module):
    """Latents look at the tokens and at themselves, then a feed-forward; norms come before (Flamingo).

    ``modern``: with RMSNorm, SwiGLU, shared keys and no biases, as in Idefics2 (arXiv:2405.02246).
    """

    def __init__(self, width: int, heads: int, *, modern: bool = False, key_heads: int | None = None) -> None:
        super().__init__()
        self.norm_x, self.norm_latents, self.norm_mlp = (
            nn.RMSNorm(width, eps=EPSILON) if modern else nn.LayerNorm(width) for _ in range(3)
        )
        self.attention = Attention(width, heads, bias=not modern, key_heads=key_heads)
        self.mlp: nn.Module = (
            SwiGLU(width, 4 * width)
            if modern
            else nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        )

    def forward(self, latents_BKD: Tensor, x_BND: Tensor, real_BM: Tensor) -> Tensor:
        """[B, K, D] to the same; keys are [x; latents]."""
        latents = self.norm_latents(latents_BKD)
        latents_BKD = latents_BKD + self.attention(latents, torch.cat([self.norm_x(x_BND), latents], 1), real_BM)
        made: Tensor = latents_BKD + self.mlp(self.norm_mlp(latents_BKD))
        return made


class Resampler(nn.Module):
    """Flamingo's Perceiver resampler (arXiv:2204.14198): blind to the tokens' order, weights of its own in every layer."""

    def __init__(
        self, width: int, kept: int, depth: int, heads: int, *, modern: bool = False, key_heads: int | None = None
    ) -> None:
        super().__init__()
        self.latents_KD = nn.Parameter(torch.randn(kept, width) * 0.02)
        self.layers = nn.ModuleList(
            ResamplerLayer(width, heads, modern=modern, key_heads=key_heads) for _ in range(depth)
        )
        self.norm: nn.Module = nn.RMSNorm(width, eps=EPSILON) if modern else nn.LayerNorm(width)

    def forward(self, x_BND: Tensor, real_BN: Tensor) -> Fewer:
        """K latents that have read the tokens."""
        y_BKD = self.latents_KD.expand(x_BND.shape[0], -1, -1)
        real = torch.ones(y_BKD.shape[:2], dtype=torch.bool, device=x_BND.device)
        for layer in self.layers:
            y_BKD = layer(y_BKD, x_BND, torch.cat([real_BN, real], 1))
        return self.norm(y_BKD), real
