"""Attention within a band: each query looks at one stretch of keys and at leading global tokens; work follows the band.

Queries are cut into tiles; the stretch of keys that a tile needs is gathered and handed to the fused kernel, so no
N x M table is made (Longformer, arXiv:2004.05150; BigBird, arXiv:2007.14062). Lengths need not divide anything.

Axes: B batch, H heads, N queries, M keys, E width of a head; T tiles, Q queries of a tile, S keys of a stretch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.attention.kinds.dense import fused


@dataclass(frozen=True, kw_only=True)
class Band:
    """Where each query looks: keys ``low_N[i] <= j < high_N[i]``, and the first ``lead`` keys; the first ``lead`` queries
    look everywhere."""

    low_N: np.ndarray
    high_N: np.ndarray
    keys: int
    lead: int

    def allowed(self) -> np.ndarray:
        """Pairs as a table [N, M]."""
        key_M = np.arange(self.keys)
        near = (key_M >= self.low_N[:, None]) & (key_M < self.high_N[:, None])
        return near | (key_M < self.lead) | (np.arange(len(self.low_N)) < self.lead)[:, None]

    def pairs(self) -> int:
        """How many pairs are looked at."""
        low, high = np.maximum(self.low_N, self.lead)[self.lead :], self.high_N[self.lead :]
        n, lead = len(self.low_N), min(self.lead, self.keys)
        return int(np.maximum(high - low, 0).sum() + lead * (n - min(self.lead, n)) + min(self.lead, n) * self.keys)

    def tiles(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Keys that each tile of queries needs [T, S], global ones first, and which of them each query sees [T, Q, S]."""
        count = -(-len(self.low_N) // size)
        low = np.pad(self.low_N, (0, count * size - len(self.low_N)), mode="edge").reshape(count, size)
        high = np.pad(self.high_N, (0, count * size - len(self.high_N)), mode="edge").reshape(count, size)
        stretch = min(int((high.max(1) - low.min(1)).max()), self.keys)
        start = np.clip(low.min(1), 0, self.keys - stretch)
        near = start[:, None] + np.arange(stretch)
        sees = (near[:, None] >= low[..., None]) & (near[:, None] < high[..., None]) & (near[:, None] >= self.lead)
        lead = np.broadcast_to(np.arange(min(self.lead, self.keys)), (count, min(self.lead, self.keys)))
        shown = np.ones((count, size, lead.shape[1]), bool)
        return np.concatenate([lead, near], 1), np.concatenate([shown, sees], 2)


def banded(
    q: Tensor, k: Tensor, v: Tensor, mask_BM: Tensor | None, band: Band, size: int, *, causal: bool, dropout: float
) -> Tensor:
    """[B, H, N, E], [B, H, M, E] twice to [B, H, N, E], ``size`` queries a tile."""
    batch, heads, n, _ = q.shape
    near_TS, sees_TQS = band.tiles(size)
    if causal:
        sees_TQS = sees_TQS & (near_TS[:, None] <= np.arange(sees_TQS.shape[0] * size).reshape(-1, size, 1))
    tiles, _, stretch = sees_TQS.shape
    place = torch.from_numpy(near_TS.ravel()).to(q.device)
    mask = torch.from_numpy(sees_TQS).to(q.device)[None, :, None].expand(batch, -1, -1, -1, -1)  # B T 1 Q S
    if mask_BM is not None:
        mask = mask & mask_BM[:, place].reshape(batch, tiles, 1, 1, stretch)
    padded = F.pad(q, (0, 0, 0, tiles * size - n)).unflatten(2, (tiles, size))
    near_k, near_v = (x.index_select(2, place).unflatten(2, (tiles, stretch)) for x in (k, v))
    tiled = [x.transpose(1, 2).flatten(0, 1) for x in (padded, near_k, near_v)]  # (B T) H . E
    y = fused(tiled[0], tiled[1], tiled[2], mask.flatten(0, 1), dropout=dropout)
    y = y.unflatten(0, (batch, tiles)).transpose(1, 2).flatten(2, 3)[:, :, :n]
    lead = min(band.lead, n)
    if not lead:
        return y
    own = None if mask_BM is None else mask_BM[:, None, None, :]
    if causal:
        ahead = torch.ones(lead, k.shape[-2], dtype=torch.bool, device=q.device).tril()[None, None]
        own = ahead if own is None else own & ahead
    return torch.cat([fused(q[:, :, :lead], k, v, own, dropout=dropout), y[:, :, lead:]], 2)
