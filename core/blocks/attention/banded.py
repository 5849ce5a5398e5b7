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

from core.blocks.attention.direction import seen, sees
from core.blocks.attention.kinds.dense import fused


@dataclass(frozen=True, kw_only=True)
class Band:
    """Where each query looks: keys ``low_N[i] <= j < high_N[i]``, and the first ``lead`` keys; the first ``wide`` queries
    (as many as ``lead``, where it is not said) look everywhere."""

    low_N: np.ndarray
    high_N: np.ndarray
    keys: int
    lead: int
    wide: int = -1

    def __post_init__(self) -> None:
        if self.wide < 0:
            object.__setattr__(self, "wide", self.lead)

    def last(self, count: int) -> Band:
        """The last ``count`` queries alone; where there are fewer, those in front of them see nothing."""
        gone, missing = max(0, len(self.low_N) - count), max(0, count - len(self.low_N))
        low, high = (np.pad(edge[gone:], (missing, 0)) for edge in (self.low_N, self.high_N))
        wide = 0 if missing else max(0, self.wide - gone)
        return Band(low_N=low, high_N=high, keys=self.keys, lead=self.lead, wide=wide)

    def allowed(self) -> np.ndarray:
        """Pairs as a table [N, M]."""
        key_M = np.arange(self.keys)
        near = (key_M >= self.low_N[:, None]) & (key_M < self.high_N[:, None])
        return near | (key_M < self.lead) | (np.arange(len(self.low_N)) < self.wide)[:, None]

    def pairs(self) -> int:
        """How many pairs are looked at."""
        low, high = np.maximum(self.low_N, self.lead)[self.wide :], self.high_N[self.wide :]
        n, lead = len(self.low_N), min(self.lead, self.keys)
        return int(np.maximum(high - low, 0).sum() + lead * (n - min(self.wide, n)) + min(self.wide, n) * self.keys)

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
    m = k.shape[-2]
    near_TS, sees_TQS = band.tiles(size)
    if causal:
        query_TQ1 = np.arange(sees_TQS.shape[0] * size).reshape(-1, size, 1)
        sees_TQS = sees_TQS & sees(query_TQ1, near_TS[:, None], n, m)
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
    wide = min(band.wide, n)
    if not wide:
        return y
    own = None if mask_BM is None else mask_BM[:, None, None, :]
    if causal:
        before = seen(n, m, q.device)[:wide][None, None]
        own = before if own is None else own & before
    return torch.cat([fused(q[:, :, :wide], k, v, own, dropout=dropout), y[:, :, wide:]], 2)
