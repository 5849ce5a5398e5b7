"""The same band in FlexAttention (arXiv:2412.05496): a block mask lets a compiled kernel skip what nobody looks at.

Used on CUDA; elsewhere it is no faster than the dense form. Axes as in :mod:`core.blocks.attention.banded`.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from core.blocks.attention.banded import Band

LEAST_QUERIES = 256  # below it compiling costs more than it saves


@functools.cache
def _compiled() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def fits(q: Tensor, dropout: float) -> bool:
    """Whether the compiled kernel can take this: CUDA, no dropout, heads of a power of two."""
    width = q.shape[-1]
    return q.is_cuda and not dropout and q.shape[-2] >= LEAST_QUERIES and width >= 16 and not width & (width - 1)


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, band: Band, *, causal: bool, compiled: bool = True
) -> Tensor:
    """[B, H, N, E], [B, H, M, E] twice to [B, H, N, E]; rows without any key give zeros."""
    low_N, high_N = (torch.from_numpy(edge).to(q.device) for edge in (band.low_N, band.high_N))
    lead = band.lead

    def sees(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        near = ((j >= low_N[i]) & (j < high_N[i])) | (j < lead) | (i < lead)
        near = near & (i >= j) if causal else near
        return near if mask_BM is None else near & mask_BM[b, j]

    batch = None if mask_BM is None else len(q)
    block_mask = create_block_mask(sees, batch, None, q.shape[-2], k.shape[-2], device=str(q.device))
    run = _compiled() if compiled else flex_attention
    return run(q, k, v, block_mask=block_mask)
