"""How well scores rank: what is there before what is not (average precision, ties as one threshold), or by Spearman's correlation.

Axes: N items, K classes.
"""

from __future__ import annotations

import importlib

import torch
from torch import Tensor


def rank_correlation(said_N: Tensor, true_N: Tensor) -> float:
    """Spearman's, in which equal scores share their ranks (torchmetrics); 0 where one side is all alike, NaN where a score is none."""
    if not bool(said_N.isfinite().all() & true_N.isfinite().all()):
        return float("nan")
    if len(said_N) < 2 or bool((said_N == said_N[0]).all() | (true_N == true_N[0]).all()):
        return 0.0
    compare = importlib.import_module("torchmetrics.functional.regression").spearman_corrcoef
    return float(compare(said_N, true_N))


def average_precision(score_N: Tensor, truth_N: Tensor) -> float:
    """The area under precision by recall in steps (as scikit-learn); a score that is no number ranks last. NaN without a positive."""
    positives = int(truth_N.sum())
    if not positives:
        return float("nan")
    score_N = torch.where(score_N.isnan(), -torch.inf, score_N.double())
    order_N = score_N.argsort(descending=True, stable=True)
    ranked_N, found_N = score_N[order_N], truth_N[order_N].double().cumsum(0)
    last_N = torch.cat([ranked_N[1:] != ranked_N[:-1], ranked_N.new_ones(1, dtype=torch.bool)])  # of equal scores
    precision = (found_N / torch.arange(1, len(found_N) + 1))[last_N]
    recall = found_N[last_N] / positives
    return float((recall.diff(prepend=recall.new_zeros(1)) * precision).sum())


def mean_average_precision(score_NK: Tensor, truth_NK: Tensor) -> tuple[float, float]:
    """The mean over classes that occur, and what scores without any sense get: how often the class occurs.

    Both NaN where none occurs, the first also where a score is no number.
    """
    columns = [column for column in range(truth_NK.shape[1]) if bool(truth_NK[:, column].any())]
    if not columns:
        return float("nan"), float("nan")
    is_number = not bool(score_NK.isnan().any())
    found = [average_precision(score_NK[:, column], truth_NK[:, column]) for column in columns]
    chance = [float(truth_NK[:, column].double().mean()) for column in columns]
    return (sum(found) / len(found) if is_number else float("nan")), sum(chance) / len(chance)
