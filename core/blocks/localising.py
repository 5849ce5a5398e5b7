"""Spans from points of a temporal pyramid and back: what each point should say, how wrong it is, and which spans are kept.

ActionFormer's form (arXiv:2202.07925): a point says of which class the moment is, and how far away the segment's start and end are, in
its own steps. :func:`labelled` and :func:`spans_at` are inverse and read the same points. Axes: B batch, P points of all levels,
N segments, K classes, S spans.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.values import Segments


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Where the points of all levels lie."""

    centre_BP: Tensor  # float64, seconds
    step_BP: Tensor  # float64, seconds from one point of its level to the next
    low_P: Tensor  # a level is for segments whose farther end is at least so many of its steps away,
    high_P: Tensor  # and less than so many


def labelled(segments: Segments, points: Points, *, radius: float = 1.5) -> tuple[Tensor, Tensor]:
    """The class of each point [B, P], -1 for none, and its distances to start and end in steps [B, P, 2].

    A point is a segment's where it lies in it, at most ``radius`` of its steps from the middle, and on the level for segments of
    that length; of several segments the shortest has it.
    """
    start_B1N, end_B1N = segments.times_BN2.unbind(-1)[0][:, None], segments.times_BN2.unbind(-1)[1][:, None]
    centre_BP1, step_BP1 = points.centre_BP[..., None], points.step_BP[..., None]
    away_BPN2 = torch.stack([centre_BP1 - start_B1N, end_B1N - centre_BP1], -1) / step_BP1[..., None]
    middle_B1N = (start_B1N + end_B1N) / 2
    near_BPN = (centre_BP1 - middle_B1N).abs() <= radius * step_BP1
    farther_BPN = away_BPN2.amax(-1)
    fits_BPN = (farther_BPN >= points.low_P[:, None]) & (farther_BPN < points.high_P[:, None])
    has_BPN = (away_BPN2.amin(-1) > 0) & near_BPN & fits_BPN & segments.mask_BN[:, None]
    length_BPN = torch.where(has_BPN, (end_B1N - start_B1N).expand_as(farther_BPN), torch.inf)
    shortest_BP = length_BPN.argmin(-1)
    code_BP = segments.class_BN[:, None].expand(-1, has_BPN.shape[1], -1).gather(-1, shortest_BP[..., None])[..., 0]
    code_BP = torch.where(has_BPN.any(-1), code_BP, -1)
    return code_BP, away_BPN2.gather(2, shortest_BP[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]


def spans_at(points: Points, away_BP2: Tensor) -> Tensor:
    """Start and end in seconds [B, P, 2] of distances in steps."""
    start, end = away_BP2.double().unbind(-1)
    return torch.stack([points.centre_BP - start * points.step_BP, points.centre_BP + end * points.step_BP], -1)


def focal(logit: Tensor, truth: Tensor, *, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Binary cross-entropy in which what is right already counts little (arXiv:1708.02002), of each number.

    ``gamma`` 0 and ``alpha`` -1 are plain cross-entropy; ``alpha`` weighs what is true against what is not.
    """
    truth = truth.to(logit.dtype)
    loss = F.binary_cross_entropy_with_logits(logit, truth, reduction="none")
    chance = logit.sigmoid()
    wrong = chance * (1 - truth) + (1 - chance) * truth
    loss = loss * wrong**gamma if gamma else loss
    return loss if alpha < 0 else loss * (alpha * truth + (1 - alpha) * (1 - truth))


def distance_iou(made_S2: Tensor, true_S2: Tensor) -> Tensor:
    """1 - IoU + the squared distance of the middles in lengths of what spans both (DIoU, arXiv:1911.08287, in one dimension) [S].

    Both are distances to start and end from one point.
    """
    common = torch.minimum(made_S2, true_S2).sum(-1)
    either = made_S2.sum(-1) + true_S2.sum(-1) - common
    around = torch.maximum(made_S2, true_S2).sum(-1)
    apart = ((made_S2[..., 1] - made_S2[..., 0]) - (true_S2[..., 1] - true_S2[..., 0])) / 2
    return 1 - common / either.clamp_min(1e-8) + (apart / around.clamp_min(1e-8)) ** 2


def overlap(one_S2: Tensor, other_R2: Tensor) -> Tensor:
    """Intersection over union of every span with every other [S, R]."""
    low = torch.maximum(one_S2[:, None, 0], other_R2[None, :, 0])
    high = torch.minimum(one_S2[:, None, 1], other_R2[None, :, 1])
    common = (high - low).clamp_min(0)
    length_S, length_R = one_S2.diff(dim=-1)[:, 0], other_R2.diff(dim=-1)[:, 0]
    return common / (length_S[:, None] + length_R - common).clamp_min(1e-12)


def suppressed(span_S2: Tensor, score_S: Tensor, *, sigma: float = 0.5, most: int = 100) -> tuple[Tensor, Tensor]:
    """The best span, then the best of the rest once their scores have fallen by their overlap with it, and so on.

    Soft-NMS with a Gaussian (arXiv:1704.04503); ``sigma`` 0 drops whatever overlaps by half. Gives places and scores, best first.
    """
    score_S = score_S.clone()
    left = torch.ones_like(score_S, dtype=torch.bool)
    table_SS = overlap(span_S2, span_S2)
    places, scores = [], []
    for _ in range(min(most, len(score_S))):
        best = int(torch.where(left, score_S, -torch.inf).argmax())
        if not bool(left[best]):
            break
        places.append(best)
        scores.append(float(score_S[best]))
        left[best] = False
        if sigma > 0:
            score_S = score_S * torch.where(left, (-(table_SS[best] ** 2) / sigma).exp(), 1.0)
        else:
            left &= table_SS[best] <= 0.5
    return torch.tensor(places, dtype=torch.int64), torch.tensor(scores, dtype=torch.float64)


def found_and_true(made: list[tuple[Tensor, Tensor]], true: list[Tensor], least: float) -> tuple[Tensor, Tensor, int]:
    """Of one class in several clips: scores of all spans, which of them are right, and how many there are to be found.

    ``made``: spans [S, 2] and scores [S] of each clip; ``true``: its spans. Best scores first, a span is right where it overlaps a
    true one, not yet found, by ``least`` at least.
    """
    scores, right = [], []
    for (span_S2, score_S), true_R2 in zip(made, true, strict=True):
        taken = torch.zeros(len(true_R2), dtype=torch.bool)
        for place in score_S.argsort(descending=True, stable=True).tolist():
            scores.append(float(score_S[place]))
            table_R = overlap(span_S2[place : place + 1], true_R2)[0] if len(true_R2) else torch.zeros(0)
            open_R = torch.where(taken, -1.0, table_R)
            best = int(open_R.argmax()) if len(open_R) else -1
            hit = best >= 0 and float(open_R[best]) >= least
            if hit:
                taken[best] = True
            right.append(hit)
    return torch.tensor(scores, dtype=torch.float64), torch.tensor(right, dtype=torch.bool), sum(map(len, true))


def interpolated_precision(score_S: Tensor, right_S: Tensor, there: int) -> float:
    """The area under the greatest precision at each recall or beyond it, as ActivityNet counts; NaN where nothing is there."""
    if not there:
        return float("nan")
    order = score_S.argsort(descending=True, stable=True)
    hits = right_S[order].double().cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    recall = hits / there
    best = precision.flip(0).cummax(0).values.flip(0) if len(precision) else precision
    return float((recall.diff(prepend=recall.new_zeros(1)) * best).sum()) if len(recall) else 0.0
