"""Positions from a token's own place: in its sentence, or row and column in its own picture; a new document starts again.

Learned tables, sines (arXiv:1706.03762), rotations of queries and keys (RoPE, arXiv:2104.09864), a table for rows and one for
columns (NaViT, arXiv:2307.06304), and a learned picture of positions resized to each grid (SigLIP 2's NaFlex, arXiv:2502.14786).

Axes: B batch or rows, N tokens, A axes of a place (1: word; 2: row, column), D width, E width of a head, G cells of a grid's edge.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BASE = 10_000.0


def angles(place_BNA: Tensor, head: int, *, base: float = BASE) -> Tensor:
    """[..., head]: the angle of each number; neighbours form a pair and share it. Each axis turns its share of the head."""
    bands = head // (2 * place_BNA.shape[-1])
    frequency = base ** -(torch.arange(bands, dtype=torch.float32, device=place_BNA.device) / bands)
    place = place_BNA if place_BNA.is_floating_point() else place_BNA.float()
    angle = place[..., None] * frequency  # [..., A, bands]
    return angle.flatten(-2).repeat_interleave(2, -1)


def turned(x: Tensor, angle: Tensor) -> Tensor:
    """Each pair of neighbouring numbers turned by its angle."""
    across = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * angle.cos() + across * angle.sin()


def sines(place_BNA: Tensor, width: int) -> Tensor:
    """[..., D]: sines and cosines of the place, each axis its share of the width."""
    angle = angles(place_BNA, width)
    return torch.stack([angle[..., ::2].sin(), angle[..., ::2].cos()], -1).flatten(-2)


def places(rows: int, columns: int, device: torch.device) -> Tensor:
    """Row and column of every cell of a grid, row after row, [rows * columns, 2]."""
    cell_N = torch.arange(rows * columns, device=device)
    return torch.stack([cell_N // columns, cell_N % columns], -1)


def resized(table_1DGG: Tensor, rows: int, columns: int, *, mode: str = "bilinear") -> Tensor:
    """A learned grid of positions at another size [rows * columns, D], antialiased; bilinear as NaFlex, bicubic as timm's ViT."""
    made = F.interpolate(table_1DGG, size=(rows, columns), mode=mode, align_corners=False, antialias=True)
    return made[0].flatten(1).T
