"""Retrieval scores with the chance level beside them. Equal captions are equal answers.

Axes: N samples, D width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

import torch
from torch import Tensor

CUTS = (1, 5, 10)


def ranks(scores_NN: Tensor, labels: Sequence[str]) -> Tensor:
    """For each row, how many wrong answers score at least as high as the best right one (0: found first). Ties count
    against the row, so a constant score is no discovery.
    """
    right_NN = _right(labels, scores_NN.device)
    best_N1 = scores_NN.masked_fill(~right_NN, -torch.inf).amax(1, keepdim=True)
    return ((scores_NN >= best_N1) & ~right_NN).sum(1)


def scores(scores_NN: Tensor, labels: Sequence[str]) -> dict[str, float]:
    """R@1, R@5, R@10 (shares), mean rank (1 is first), mean average precision, and what chance would give for each."""
    rank_N = ranks(scores_NN, labels)
    found = {f"R@{k}": float((rank_N < k).double().mean()) for k in CUTS}
    found["mean rank"] = float(rank_N.double().mean()) + 1
    found["mAP"], found["chance mAP"] = mean_average_precision(scores_NN, labels), chance_precision(labels)
    return found | {f"chance R@{k}": value for k, value in chance(labels).items()}


def mean_average_precision(scores_NN: Tensor, labels: Sequence[str]) -> float:
    """Mean over rows of the precision at each right answer; wrong answers come first where scores are equal."""
    right_NN = _right(labels, scores_NN.device)
    wrong_first = right_NN.long().argsort(dim=1, stable=True)
    order = scores_NN.gather(1, wrong_first).argsort(dim=1, descending=True, stable=True)
    hit_NN = right_NN.gather(1, wrong_first.gather(1, order)).double()
    precision_NN = hit_NN.cumsum(1) / torch.arange(1, hit_NN.shape[1] + 1, device=hit_NN.device)
    return float(((precision_NN * hit_NN).sum(1) / hit_NN.sum(1)).mean())


def chance_precision(labels: Sequence[str]) -> float:
    """Expected average precision of a random order: ``(H + (m - 1) (N - H) / (N - 1)) / N`` for m right answers, H = 1 + ... + 1/N."""
    count = len(labels)
    harmonic = sum(1 / n for n in range(1, count + 1))
    copies = Counter(labels)
    found = [harmonic + (copies[label] - 1) * (count - harmonic) / max(count - 1, 1) for label in labels]
    return sum(found) / max(count, 1) ** 2


def _right(labels: Sequence[str], device: torch.device) -> Tensor:
    """Which answers are right for each question [N, N]."""
    names = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    label_N = torch.tensor([names[label] for label in labels], device=device)
    return label_N[:, None] == label_N[None, :]


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
