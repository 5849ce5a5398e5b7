"""Layers of denoisers: what time is turned into, residual convolutions and attention that it steers.

A time is told in table entries, 0 to 1000, as sines and cosines (arXiv:1706.03762), then two linear layers. Names of parameters are
those of diffusers where the layer is one of its. Axes: B batch, C channels, H W places, N tokens, M tokens of the condition,
D width, E width of the vector that says time and condition.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.attention.core import Attention

SINES = 256  # numbers a time is told in
ENTRIES = 1000.0  # what a time of 1 is told as


def sines_of(time_B: Tensor, width: int) -> Tensor:
    """[B, width]: cosines and sines of a time, as diffusers tells it."""
    half = width // 2
    place = torch.arange(half, dtype=time_B.dtype, device=time_B.device)
    angle = ENTRIES * time_B[:, None] * torch.exp(-math.log(10_000.0) * place / (half - 1))
    return torch.cat([angle.cos(), angle.sin()], -1)


class TimeEmbedding(nn.Module):
    """A time as a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(SINES, width), nn.Linear(width, width)

    def forward(self, time_B: Tensor) -> Tensor:
        """[B] in [0, 1] to [B, E]."""
        given: Tensor = self.linear_2(F.silu(self.linear_1(sines_of(time_B, SINES))))
        return given


def groups(channels: int) -> int:
    """Of a group norm: as many as eight, where they divide the channels."""
    return next(count for count in (8, 4, 2, 1) if channels % count == 0)


class Residual(nn.Module):
    """Two convolutions around which the map goes on; time scales and shifts the second norm (arXiv:2105.05233)."""

    def __init__(self, channels: int, out: int, vector: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(groups(channels), channels), nn.GroupNorm(groups(out), out)
        self.conv1, self.conv2 = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        self.time_emb_proj = nn.Linear(vector, 2 * out)
        self.conv_shortcut = nn.Conv2d(channels, out, 1) if channels != out else None
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x_BCHW: Tensor, vector_BE: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H, W]."""
        y_BCHW = self.conv1(F.silu(self.norm1(x_BCHW)))
        scale_BC11, shift_BC11 = self.time_emb_proj(F.silu(vector_BE))[..., None, None].chunk(2, dim=1)
        y_BCHW = self.norm2(y_BCHW) * (1 + scale_BC11) + shift_BC11
        aside = x_BCHW if self.conv_shortcut is None else self.conv_shortcut(x_BCHW)
        given: Tensor = aside + self.conv2(F.silu(y_BCHW))
        return given


class PlaceAttention(nn.Module):
    """Places of a map attend to each other and, where there is one, to the condition (arXiv:2112.10752)."""

    def __init__(self, channels: int, heads: int, context: int | None) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups(channels), channels)
        self.norm_1, self.norm_3 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.norm_2 = None if context is None else nn.LayerNorm(channels)
        self.attention = Attention(channels, heads)
        self.cross = None if context is None else Attention(channels, heads, key_width=context)
        last = nn.Linear(2 * channels, channels)
        nn.init.zeros_(last.weight)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), last)

    def forward(self, x_BCHW: Tensor, context_BMD: Tensor | None, mask_BM: Tensor | None) -> Tensor:
        """The same form."""
        x_BND = self.norm(x_BCHW).flatten(2).transpose(1, 2)
        x_BND = x_BND + self.attention(self.norm_1(x_BND))
        if self.cross is not None and self.norm_2 is not None:
            x_BND = x_BND + self.cross(self.norm_2(x_BND), context_BMD, mask_BM)
        x_BND = x_BND + self.mlp(self.norm_3(x_BND))
        return x_BCHW + x_BND.transpose(1, 2).reshape(x_BCHW.shape)


class Modulated(nn.Module):
    """A layer of a diffusion transformer: what time and condition say scales, shifts and gates each part (adaLN-zero, arXiv:2212.09748).

    All gates are 0 at first, so the layer begins as the identity. Tokens of a condition are attended to in between
    (arXiv:2310.00426).
    """

    def __init__(self, width: int, heads: int, ratio: float, vector: int, context: int | None) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = (nn.LayerNorm(width, eps=1e-6, elementwise_affine=False) for _ in range(2))
        self.modulation = nn.Linear(vector, 6 * width)
        self.attention = Attention(width, heads)
        self.cross = None if context is None else Attention(width, heads, key_width=context)
        hidden = int(width * ratio)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        if self.cross is not None:
            nn.init.zeros_(self.cross.out.weight)

    def forward(
        self, x_BND: Tensor, vector_BE: Tensor, context_BMD: Tensor | None = None, mask_BM: Tensor | None = None
    ) -> Tensor:
        """[B, N, D] to the same."""
        told = self.modulation(F.silu(vector_BE))[:, None].chunk(6, dim=-1)
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = told
        x_BND = x_BND + gate_1 * self.attention(self.norm_1(x_BND) * (1 + scale_1) + shift_1)
        if self.cross is not None:
            x_BND = x_BND + self.cross(x_BND, context_BMD, mask_BM)
        given: Tensor = x_BND + gate_2 * self.mlp(self.norm_2(x_BND) * (1 + scale_2) + shift_2)
        return given
