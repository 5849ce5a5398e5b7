"""A band, or documents in one row, in FlexAttention (arXiv:2412.05496): a block mask lets a compiled kernel skip what nobody looks at.

Used on CUDA; elsewhere it is no faster than the dense form. Axes as in :mod:`core.blocks.attention.banded`; P rows of documents.
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from core.blocks.attention.banded import Band
from core.blocks.attention.direction import sees as sees_before

LEAST_QUERIES = 256  # below it compiling costs more than it saves


@functools.cache
def _compiled() -> Any:
    return torch.compile(flex_attention, dynamic=False)


def fits(x: Tensor, head: int, dropout: float) -> bool:
    """Whether the compiled kernel can take ``x`` [..., queries, width]: CUDA, no dropout, heads of a power of two."""
    return x.is_cuda and not dropout and x.shape[-2] >= LEAST_QUERIES and head >= 16 and not head & (head - 1)


@functools.lru_cache(maxsize=64)
def _blocks(low: bytes, high: bytes, keys: int, lead: int, wide: int, causal: bool, device: str) -> BlockMask:
    """The block mask of a band, the same for every sample and head, made once: making it needs the whole N x M table."""
    low_N, high_N = (torch.from_numpy(np.frombuffer(edge, np.int64).copy()).to(device) for edge in (low, high))

    def sees(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        near = ((j >= low_N[i]) & (j < high_N[i])) | (j < lead) | (i < wide)
        return near & sees_before(i, j, len(low_N), keys) if causal else near

    return create_block_mask(sees, None, None, len(low_N), keys, device=device)


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, band: Band, *, causal: bool, compiled: bool = True
) -> Tensor:
    """[B, H, N, E], [B, H, M, E] twice to [B, H, N, E]; rows without any key give zeros. Padding is left out by its scores."""
    edges = (np.ascontiguousarray(edge, np.int64).tobytes() for edge in (band.low_N, band.high_N))
    block_mask = _blocks(*edges, band.keys, band.lead, band.wide, causal, str(q.device))

    def real(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        assert mask_BM is not None
        return torch.where(mask_BM[b, j], score, -torch.inf)

    run = _compiled() if compiled else flex_attention
    return run(q, k, v, score_mod=None if mask_BM is None else real, block_mask=block_mask)


_last: dict[tuple[bool, str], tuple[weakref.ref[Tensor], BlockMask]] = {}  # a forward's layers meet the same documents


def _by_ids(document_PN: Tensor, causal: bool) -> BlockMask:
    """The block mask of rows that hold several documents: a token sees its own, and nothing where it is none."""
    key = (causal, str(document_PN.device))
    known = _last.get(key)
    if known is not None and known[0]() is document_PN:
        return known[1]

    def sees(p: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        own = (document_PN[p, i] == document_PN[p, j]) & (document_PN[p, i] > 0)
        return own & (i >= j) if causal else own

    rows, width = document_PN.shape
    made = create_block_mask(sees, rows, None, width, width, device=document_PN.device)
    _last[key] = (weakref.ref(document_PN), made)
    return made


def by_document(q: Tensor, k: Tensor, v: Tensor, document_PN: Tensor, *, causal: bool, compiled: bool = True) -> Tensor:
    """[P, H, N, E] three times to [P, H, N, E]; a token of no document gives zeros."""
    run = _compiled() if compiled else flex_attention
    made: Tensor = run(q, k, v, block_mask=_by_ids(document_PN, causal))
    return made
