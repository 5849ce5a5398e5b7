"""Houlsby's adapter: a narrow pass beside a frozen layer's output, zero at the beginning (arXiv:1902.00751). Axes: B, N tokens, D width."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    """``x + up(gelu(down(x)))``, where ``up`` begins at zero: at first it is not there."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x_BND: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        made: Tensor = x_BND + self.up(F.gelu(self.down(x_BND)))
        return made
