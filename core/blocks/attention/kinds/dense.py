"""Every query looks at every key, in PyTorch's fused kernel, which keeps no map for the backward pass.

Scaled dot products (arXiv:1706.03762) in tiles (FlashAttention, arXiv:2205.14135) where the device has such a kernel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import flop_registry, register_flop_formula, sdpa_flop_count

from core.blocks.attention.kernel import Kernel, kinds

TILED = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # what fused attention is on a processor

if TILED not in flop_registry:

    @register_flop_formula(TILED)  # type: ignore[untyped-decorator]
    def _flops(q_shape: Any, k_shape: Any, v_shape: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(q_shape, k_shape, v_shape))


def fused(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool = False, dropout: float = 0.0
) -> Tensor:
    """``scaled_dot_product_attention`` whose rows without any key give zeros, not NaN. ``mask``: True may be looked at."""
    if mask is None:
        return _tiles(q, k, v, None, causal=causal, dropout=dropout)
    has = mask.any(-1, keepdim=True)
    return torch.where(has, _tiles(q, k, v, mask | ~has, causal=False, dropout=dropout), 0.0)


def _tiles(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool, dropout: float) -> Tensor:
    """On meta PyTorch would take its plain form, which keeps the map: costs are asked of the kernel that trains."""
    if q.device.type != "meta" or dropout:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
    added = None if mask is None else torch.zeros(mask.shape, dtype=q.dtype, device="meta")
    made: Tensor = TILED(q, k, v, 0.0, causal, attn_mask=added)[0]
    return made


@kinds.register("dense")
class Dense(Kernel):
    """All pairs, fused."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, *, causal: bool, dropout: float
    ) -> Tensor:
        """One call of the fused kernel."""
        n, m = q.shape[-2], k.shape[-2]
        if mask_BM is None and n == m:  # only then the kernel's own direction is ours
            return fused(q, k, v, None, causal=causal, dropout=dropout)
        mask = self.mask(mask_BM, n, m, causal=causal, device=q.device)
        return fused(q, k, v, mask, dropout=dropout)
