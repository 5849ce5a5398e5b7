"""Alike tokens become one: bipartite matching, where every token knows how many it stands for and nothing is lost (ToMe, arXiv:2210.09461).

In a round every second token may join the most alike of the others, so at most half of them go. Padding, which has no size, is never
joined with anything and goes first. Axes: B batch, N tokens, K fewer tokens, P and Q tokens that may join and those they join, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Merged:
    """Fewer tokens, and what became of each; sum(size * x) is what it was."""

    x_BKD: Tensor
    size_BK: Tensor  # 0: padding
    into_BN: Tensor  # where each token went; anywhere, of padding


def merge(x_BND: Tensor, size_BN: Tensor, kept: int, kept_B: Tensor | None = None) -> Merged:
    """Merge until ``kept`` places are left, of which ``kept_B`` hold tokens of a sample that had more (all, where it is not said).

    What becomes of a sample hangs on its own tokens alone, however many places of padding stand behind them: ``kept_B`` is at least
    half of them, or the same for all samples.
    """
    batch, count = size_BN.shape
    into_BN = torch.arange(count, device=size_BN.device).expand(batch, -1)
    most_B = torch.full_like(into_BN[:, 0], kept) if kept_B is None else kept_B
    while x_BND.shape[1] > kept:
        made = _round(x_BND, size_BN, most_B, kept)
        x_BND, size_BN, into_BN = made.x_BKD, made.size_BK, made.into_BN.gather(1, into_BN)
    return Merged(x_BKD=x_BND, size_BK=size_BN, into_BN=into_BN)


def in_order(merged: Merged) -> Merged:
    """The same with the tokens in the order of the first that each is made of; padding last."""
    size_BK, into_BN = merged.size_BK, merged.into_BN
    count, kept = into_BN.shape[1], size_BK.shape[1]
    place_BN = torch.arange(count, device=into_BN.device).expand_as(into_BN)
    first_BK = torch.full(size_BK.shape, count, device=into_BN.device).scatter_reduce(1, into_BN, place_BN, "amin")
    order_BK = (first_BK + count * (size_BK == 0)).argsort(dim=1, stable=True)
    back_BK = torch.empty_like(order_BK).scatter(
        1, order_BK, torch.arange(kept, device=into_BN.device).expand_as(order_BK)
    )
    return Merged(
        x_BKD=_taken(merged.x_BKD, order_BK), size_BK=size_BK.gather(1, order_BK), into_BN=back_BK.gather(1, into_BN)
    )


def _round(x_BND: Tensor, size_BN: Tensor, most_B: Tensor, kept: int) -> Merged:
    """One matching; ``into_BN`` counts the tokens that come in."""
    count = x_BND.shape[1]
    left = count - min(count - kept, count // 2)
    front_BN = (size_BN == 0).long().argsort(dim=1, stable=True)  # tokens first, padding behind
    x_BND, size_BN = _taken(x_BND, front_BN), size_BN.gather(1, front_BN)
    x_BPD, x_BQD, size_BP, size_BQ = x_BND[:, 0::2], x_BND[:, 1::2], size_BN[:, 0::2], size_BN[:, 1::2]
    real_B = (size_BN > 0).sum(1)
    goes_B = torch.minimum((real_B - most_B).clamp_min(0), real_B // 2)
    partner_BP, goes_BP = _matched(x_BPD, x_BQD, size_BP, size_BQ, goes_B)
    place_Q = torch.arange(x_BQD.shape[1], device=x_BND.device)
    joins_BQP = ((partner_BP[:, None] == place_Q[:, None]) & goes_BP[:, None]).to(x_BND.dtype)
    total_BQD = x_BQD * size_BQ[..., None] + joins_BQP @ (x_BPD * size_BP[..., None])
    sum_BQ = size_BQ + (joins_BQP @ size_BP[..., None])[..., 0]
    x_BQD = torch.where(sum_BQ[..., None] > 0, total_BQD / sum_BQ.clamp_min(LEAST)[..., None], x_BQD)
    x_BND = torch.cat([x_BPD, x_BQD], 1)
    size_BN = torch.cat([torch.where(goes_BP, 0.0, size_BP), sum_BQ], 1)
    stays_BK = (size_BN == 0).long().argsort(dim=1, stable=True)[:, :left]
    return Merged(
        x_BKD=_taken(x_BND, stays_BK), size_BK=size_BN.gather(1, stays_BK),
        into_BN=_where_to(front_BN, partner_BP, goes_BP, stays_BK),
    )  # fmt: skip


def _matched(x_BPD: Tensor, x_BQD: Tensor, size_BP: Tensor, size_BQ: Tensor, goes_B: Tensor) -> tuple[Tensor, Tensor]:
    """Whom each first token is most alike, and whether it is among the ``goes_B`` most alike of its sample [B, P]."""
    alike_BPQ = F.normalize(x_BPD.detach(), dim=-1) @ F.normalize(x_BQD.detach(), dim=-1).transpose(1, 2)
    alike_BPQ = alike_BPQ.masked_fill((size_BQ == 0)[:, None], -2.0).masked_fill((size_BP == 0)[..., None], -3.0)
    best_BP, partner_BP = alike_BPQ.max(-1)
    rank_BP = best_BP.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return partner_BP, rank_BP < goes_B[:, None]


def _where_to(front_BN: Tensor, partner_BP: Tensor, goes_BP: Tensor, stays_BK: Tensor) -> Tensor:
    """Which of the places that are left every token came to [B, N]."""
    count, firsts = front_BN.shape[1], partner_BP.shape[1]
    slot_N = torch.arange(count, device=front_BN.device)
    both_BN = slot_N.expand_as(front_BN)  # the firsts, then the others
    own_BP = torch.where(goes_BP, firsts + partner_BP, both_BN[:, :firsts])
    both_BN = torch.cat([own_BP, both_BN[:, firsts:]], 1)
    left_BN = torch.zeros_like(front_BN).scatter(1, stays_BK, slot_N[: stays_BK.shape[1]].expand_as(stays_BK))
    behind_N = torch.cat([slot_N[0::2], slot_N[1::2]]).argsort()  # where the token of each slot stands among both
    ended_BN = left_BN.gather(1, both_BN)[:, behind_N]
    return torch.empty_like(ended_BN).scatter(1, front_BN, ended_BN)


def _taken(x_BND: Tensor, place_BK: Tensor) -> Tensor:
    return x_BND.gather(1, place_BK[..., None].expand(-1, -1, x_BND.shape[-1]))
