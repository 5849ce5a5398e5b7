"""Retrieval scores with the chance level beside them. Equal captions are equal answers.

Axes: N samples, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import torch
from torch import Tensor

CUTS = (1, 5, 10)


def ranks(scores_NN: Tensor, labels: Sequence[str]) -> Tensor:
    """For each row, how many wrong answers score at least as high as the best right one (0: found first). Ties count
    against the row, so a constant score is no discovery.
    """
    names = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    label_N = torch.tensor([names[label] for label in labels], device=scores_NN.device)
    right_NN = label_N[:, None] == label_N[None, :]
    best_N1 = scores_NN.masked_fill(~right_NN, -torch.inf).amax(1, keepdim=True)
    return ((scores_NN >= best_N1) & ~right_NN).sum(1)


def scores(scores_NN: Tensor, labels: Sequence[str]) -> dict[str, float]:
    """R@1, R@5, R@10 (shares), mean rank (1 is first), and what chance would give for each."""
    rank_N = ranks(scores_NN, labels)
    found = {f"R@{k}": float((rank_N < k).double().mean()) for k in CUTS}
    found["mean rank"] = float(rank_N.double().mean()) + 1
    return found | {f"chance R@{k}": value for k, value in chance(labels).items()}


def choice_scores(rank_N: Tensor, count_N: Tensor) -> dict[str, float]:
    """The same figures where each question has answers of its own: ranks (0 is first) among ``count_N`` answers."""
    found = {f"R@{k}": float((rank_N < k).double().mean()) for k in CUTS}
    found["mean rank"] = float(rank_N.double().mean()) + 1
    return found | {f"chance R@{k}": float((k / count_N.double()).clamp(max=1).mean()) for k in CUTS}


def chance(labels: Sequence[str]) -> dict[int, float]:
    """Expected R@k of a random order: one minus the chance that none of k draws is right, over all questions."""
    count = len(labels)
    copies: dict[str, int] = {}
    for label in labels:
        copies[label] = copies.get(label, 0) + 1
    return {
        k: sum(m * (1 - comb(count - m, min(k, count)) / comb(count, min(k, count))) for m in copies.values())
        / max(count, 1)
        for k in CUTS
    }
