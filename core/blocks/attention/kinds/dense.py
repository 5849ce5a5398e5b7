"""Every query looks at every key, in PyTorch's fused kernel, which keeps no map for the backward pass.

Scaled dot products (arXiv:1706.03762) in tiles (FlashAttention, arXiv:2205.14135) where the device has such a kernel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.attention.kernel import Kernel, kinds


def fused(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool = False, dropout: float = 0.0
) -> Tensor:
    """``scaled_dot_product_attention`` whose rows without any key give zeros, not NaN. ``mask``: True may be looked at."""
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=causal)
    has = mask.any(-1, keepdim=True)
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~has, dropout_p=dropout)
    return torch.where(has, y, 0.0)


@kinds.register("dense")
class Dense(Kernel):
    """All pairs, fused."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """One call of the fused kernel."""
        if mask_BM is None:
            return fused(q, k, v, None, causal=causal, dropout=dropout)
        mask = self.mask(mask_BM, q.shape[-2], k.shape[-2], causal=causal, device=q.device)
        return fused(q, k, v, mask, dropout=dropout)
