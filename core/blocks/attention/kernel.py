"""What every kind of attention shares: how queries meet keys once both are projected and cut into heads.

A kind is one file in ``kinds/``; knob choices, tests and the window's lists follow from the folder. Where a kind has a
dense map it says which pairs it allows (:meth:`Kernel.allowed`) or gives the rows itself, so that a map can be captured.

Axes: B batch, H heads, N queries, M keys, E width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from core.blocks.attention.direction import leaves_out, seen
from core.catalog import Catalog


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a sparse kind looks."""

    window: int = 64  # keys on each side
    block: int = 64  # queries and keys of one block
    global_tokens: int = 1  # leading tokens that see, and are seen by, all


class Kernel:
    """From projected queries, keys and values to mixed values."""

    key: ClassVar[str]

    def __init__(self, reach: Reach) -> None:
        self.reach = reach

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """[B, H, N, E], [B, H, M, E] twice to [B, H, N, E]. A row without any key it may look at gives zeros."""
        raise NotImplementedError

    def allowed(self, n: int, m: int, device: torch.device, *, causal: bool = False) -> Tensor | None:
        """Pairs this kind looks at, [N, M], direction left aside; None where all are. ``causal``: queries are the last ones."""
        return None

    def pairs(self, n: int, m: int) -> int:
        """How many pairs of a query and a key are compared, a head."""
        return n * m

    def rows(self, q: Tensor, k: Tensor, mask_BM: Tensor | None, *, causal: bool) -> tuple[Tensor, Tensor]:
        """The dense map [B, H, N, M], rows summing to one, and which rows have a key at all [B or 1, 1, N, 1]."""
        allowed = self.mask(mask_BM, q.shape[-2], k.shape[-2], causal=causal, device=q.device)
        scores = (q.float() @ k.float().transpose(-1, -2)) / q.shape[-1] ** 0.5
        if allowed is None:
            return scores.softmax(-1), torch.ones(1, 1, 1, 1, dtype=torch.bool, device=q.device)
        has = allowed.any(-1, keepdim=True)
        return scores.masked_fill(~(allowed | ~has), float("-inf")).softmax(-1), has

    def mask(self, mask_BM: Tensor | None, n: int, m: int, *, causal: bool, device: torch.device) -> Tensor | None:
        """Padding, direction and this kind's own pairs in one: [B or 1, 1, N or 1, M]; None where nothing is left out.

        ``mask_BM`` may be of each query's own, [B, N, M].
        """
        found = None if mask_BM is None else mask_BM[:, None] if mask_BM.ndim == 3 else mask_BM[:, None, None, :]
        own = self.allowed(n, m, device, causal=causal)
        if leaves_out(n, causal=causal):
            before = seen(n, m, device)
            own = before if own is None else own & before
        if own is None:
            return found
        return own[None, None] if found is None else found & own


kinds: Catalog[Kernel] = Catalog("core.blocks.attention.kinds", "kind of attention")
