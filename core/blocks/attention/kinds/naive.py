"""The textbook form (arXiv:1706.03762): scores, softmax, values, each written to memory. The yardstick for savings."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.attention.kernel import Kernel, kinds


@kinds.register("naive")
class Naive(Kernel):
    """All pairs, with the whole map kept for the backward pass."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """Three plain steps."""
        mask = self.mask(mask_BM, q.shape[-2], k.shape[-2], causal=causal, device=q.device)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if mask is None:
            return F.dropout(scores.softmax(-1), dropout) @ v
        has = mask.any(-1, keepdim=True)
        rows = scores.masked_fill(~(mask | ~has), float("-inf")).softmax(-1)
        return torch.where(has, F.dropout(rows, dropout) @ v, 0.0)
