"""Scores in order. A score that is not finite is no answer: it ranks last, whatever it is compared with.

Axes: N questions, K answers.
"""

from __future__ import annotations

import torch
from torch import Tensor


def finite(scores: Tensor) -> Tensor:
    """The scores with those that are not finite put below all others."""
    return scores.masked_fill(~scores.isfinite(), -torch.inf)


def choice_ranks(score_NK: Tensor, right_N: Tensor, there_NK: Tensor | None = None) -> Tensor:
    """How many wrong ones of K answers score at least as high as the right one (given by its number); K where the right
    one's score is not finite. ``there_NK`` says which answers a question has at all; the others are not counted.
    """
    safe_NK, right_N1 = finite(score_NK), right_N[:, None]
    own_N1 = safe_NK.gather(1, right_N1)
    above_NK = (safe_NK >= own_N1).scatter(1, right_N1, False)
    if there_NK is not None:
        above_NK = above_NK & there_NK
    return above_NK.sum(1).masked_fill(~own_N1[:, 0].isfinite(), score_NK.shape[1])


def best_first(scores_K: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The highest finite scores and where they stand; fewer than ``count`` where there are not as many."""
    best = finite(scores_K).topk(min(count, int(scores_K.isfinite().sum())))
    return best.values, best.indices
