"""Residual units of the picture encoder and decoder (after VQ-VAE, arXiv:1711.00937). Axes: B batch, C channels, H height, W width."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from core.knobs import knob

STRIDES = (2, 4, 8, 16, 32)


class Unit(nn.Module):
    """Two convolutions around a shortcut; begins as nothing but the shortcut, so depth costs no start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The same size."""
        return x_BCHW + self.last(F.relu(self.first(F.relu(self.norm(x_BCHW)))))


def group_norm(channels: int) -> nn.GroupNorm:
    """Keeps samples apart, as batch norm does not."""
    return nn.GroupNorm(8 if channels % 8 == 0 else 1, channels)


def halvings(stride: int) -> int:
    """How often the image is halved. Raises ValueError where the stride is no power of two among those offered."""
    if stride not in STRIDES:
        raise ValueError(f"The cell size is {stride}; it must be {', '.join(map(str, STRIDES[:-1]))} or {STRIDES[-1]}.")
    return stride.bit_length() - 1


def cell_knob() -> Any:
    """The stride, the same in an encoder and its decoder."""
    return knob(
        4, "Edge of the cell that one token stands for, the same in encoder and decoder: 2, 4, 8, 16 or 32.", low=2, high=32, unit="px",
        title="Cell size",
    )  # fmt: skip
