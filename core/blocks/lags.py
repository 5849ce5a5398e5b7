"""Two streams of one clip compared over lags: a stream read at other times, and how alike both are at every lag.

Reading is linear between a stream's own frames, and differentiable in the times. A lag is positive where what is looked at of the second
stream comes later. Axes: B batch, T frames of the first stream, S of the second, L lags, D width, N times.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.blocks.times import When, in_time, real_frames
from core.blocks.values import Tokens, full


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """Vectors with the time of each."""

    x_BTD: Tensor  # zeros where it is not real
    time_BT: Tensor  # float64, seconds, rising
    real_BT: Tensor

    @classmethod
    def of(cls, tokens: Tokens) -> Stream:
        """One vector a frame. Raises ValueError for tokens without seconds."""
        row = in_time(tokens).zeroed()
        time_BT = When.of(row).centre_BT.to(row.x_BND.device).expand(len(row.x_BND), -1)
        return cls(x_BTD=row.x_BND, time_BT=time_BT, real_BT=real_frames(row))

    @property
    def step_B(self) -> Tensor:
        """The usual time from one frame to the next, seconds."""
        if self.time_BT.shape[1] < 2:
            return torch.ones_like(self.time_BT[:, 0])
        return self.time_BT.diff(dim=1).median(1).values


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Where times lie among a stream's frames: between ``low`` and the one behind it."""

    low_BN: Tensor
    share_BN: Tensor  # 0 to 1 of the way to the one behind
    inside_BN: Tensor  # whether both are real, or the time is a real frame's own

    def read(self, x_BSD: Tensor) -> Tensor:
        """Vectors at the times [B, N, D]; zeros outside."""
        low, high = (
            x_BSD.gather(1, place[..., None].expand(-1, -1, x_BSD.shape[-1]))
            for place in (self.low_BN, self.high(x_BSD.shape[1]))
        )
        share_BN1 = self.share_BN[..., None].to(x_BSD.dtype)
        return torch.where(self.inside_BN[..., None], low + (high - low) * share_BN1, 0.0)

    def high(self, count: int) -> Tensor:
        """The frame behind."""
        return (self.low_BN + 1).clamp_max(count - 1)


def placed(stream: Stream, time_BN: Tensor) -> Places:
    """Where times [B, N] lie; up to half a step before the first frame and behind the last they take that frame."""
    count = stream.time_BT.shape[1]
    found_BN = torch.searchsorted(stream.time_BT.contiguous(), time_BN.detach().contiguous(), right=True) - 1
    low_BN = found_BN.clamp(0, max(count - 2, 0))
    high_BN = (low_BN + 1).clamp_max(count - 1)
    start_BN, end_BN = stream.time_BT.gather(1, low_BN), stream.time_BT.gather(1, high_BN)
    share_BN = ((time_BN - start_BN) / (end_BN - start_BN).clamp_min(1e-9)).clamp(0, 1)
    slack_B1 = stream.step_B[:, None] / 2
    within_BN = (time_BN >= stream.time_BT[:, :1] - slack_B1) & (time_BN <= stream.time_BT[:, -1:] + slack_B1)
    real_low, real_high = stream.real_BT.gather(1, low_BN), stream.real_BT.gather(1, high_BN)
    real_BN = (real_low | (share_BN >= 1)) & (real_high | (share_BN <= 0))
    return Places(low_BN=low_BN, share_BN=share_BN, inside_BN=within_BN & real_BN)


def alike_at(first: Stream, second: Stream, lag_L: Tensor) -> tuple[Tensor, Tensor]:
    """The mean dot product of both over the frames that meet at each lag [B, L], and how many meet [B, L]; 0 where none does."""
    table_BTS = torch.einsum("btd,bsd->bts", full(first.x_BTD), full(second.x_BTD))
    batch, count, _ = table_BTS.shape
    lags = len(lag_L)
    time_BTL = first.time_BT[..., None] + lag_L.to(first.time_BT)
    where = placed(second, time_BTL.flatten(1))
    low_BTL, high_BTL = (place.unflatten(1, (count, lags)) for place in (where.low_BN, where.high(table_BTS.shape[2])))
    share_BTL = where.share_BN.unflatten(1, (count, lags)).to(table_BTS.dtype)
    low, high = table_BTS.gather(2, low_BTL), table_BTS.gather(2, high_BTL)
    meets_BTL = where.inside_BN.unflatten(1, (count, lags)) & first.real_BT[..., None]
    met_BL = meets_BTL.sum(1)
    sum_BL = torch.where(meets_BTL, low + (high - low) * share_BTL, 0.0).sum(1)
    assert sum_BL.shape == (batch, lags)
    return sum_BL / met_BL.clamp_min(1), met_BL
