"""Retrieval scores with the chance level beside them. Equal captions are equal answers, and a picture with five captions
has five right ones.

Each of N samples is a question and an answer that fit each other. Samples whose question is the same thing (one picture
with several captions) are asked once, and samples whose answer is the same thing count as one candidate, so a table of
COCO's 25,000 captions by 5,000 pictures is what it is in the field (Karpathy and Fei-Fei, arXiv:1412.2306).

A score that is not finite ranks last: a model that gives NaN has found nothing.
Axes: N samples, Q different questions, A different answers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from core.blocks.ranking import finite
from core.graph.selection import EXAMPLES

CUTS = (1, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Different questions against different answers."""

    scores_QA: Tensor
    right_QA: Tensor  # bool


def asked(
    scores_NN: Tensor,
    labels: Sequence[Hashable],
    questions: Sequence[Hashable] | None = None,
    answers: Sequence[Hashable] | None = None,
) -> Asked:
    """Each question and each candidate once.

    ``questions`` and ``answers`` name what is asked and what is found in each sample; equal names are one thing. Where they
    are left out, every sample's is a thing of its own. An answer is right where it, or its equal, stands in a sample that
    has the label of a sample of the question.
    """
    right_NN = _right(labels, scores_NN.device)
    table_NN = finite(scores_NN.float())
    if questions is not None and len(set(questions)) < len(questions):
        number_N, first_Q = _numbered(questions, scores_NN.device)
        table_NN = table_NN[first_Q]
        right_NN = _any(right_NN, number_N, len(first_Q))
    if answers is not None and len(set(answers)) < len(answers):
        number_N, first_A = _numbered(answers, scores_NN.device)
        table_NN = _best(table_NN.T, number_N, len(first_A)).T
        right_NN = _any(right_NN.T, number_N, len(first_A)).T
    return Asked(scores_QA=table_NN, right_QA=right_NN)


def _numbered(names: Sequence[Hashable], device: torch.device) -> tuple[Tensor, Tensor]:
    """Which of the different names each is [N], and where each stands first."""
    known: dict[Hashable, int] = {}
    first: list[int] = []
    for place, name in enumerate(names):
        if name not in known:
            known[name] = len(known)
            first.append(place)
    return torch.tensor([known[name] for name in names], device=device), torch.tensor(first, device=device)


def _any(rows_NM: Tensor, number_N: Tensor, count: int) -> Tensor:
    """Rows of equal number joined by or [count, M]."""
    found = torch.zeros(count, rows_NM.shape[1], dtype=torch.int32, device=rows_NM.device)
    return found.index_add_(0, number_N, rows_NM.int()) > 0


def _best(rows_NM: Tensor, number_N: Tensor, count: int) -> Tensor:
    """The highest of rows of equal number [count, M]."""
    found = rows_NM.new_full((count, rows_NM.shape[1]), -torch.inf)
    return found.scatter_reduce_(0, number_N[:, None].expand_as(rows_NM), rows_NM, "amax")


def ranks(
    scores_NN: Tensor,
    labels: Sequence[Hashable],
    questions: Sequence[Hashable] | None = None,
    answers: Sequence[Hashable] | None = None,
) -> Tensor:
    """For each question, how many wrong answers score at least as high as the best right one (0: found first). Ties count
    against the question, so a constant score is no discovery; one whose right answers have no finite score comes after all.
    """
    return _ranks(asked(scores_NN, labels, questions, answers))


def _ranks(what: Asked) -> Tensor:
    best_Q1 = what.scores_QA.masked_fill(~what.right_QA, -torch.inf).amax(1, keepdim=True)
    rank_Q = ((what.scores_QA >= best_Q1) & ~what.right_QA).sum(1)
    return rank_Q.masked_fill(~best_Q1[:, 0].isfinite(), what.scores_QA.shape[1])


def scores(
    scores_NN: Tensor,
    labels: Sequence[Hashable],
    questions: Sequence[Hashable] | None = None,
    answers: Sequence[Hashable] | None = None,
) -> dict[str, float]:
    """R@1, R@5, R@10 (shares), mean rank (1 is first), mean average precision, on how many samples, and what chance would give for each.

    See :func:`asked` for what equal questions and answers are.
    """
    what = asked(scores_NN, labels, questions, answers)
    rank_Q, count = _ranks(what), what.scores_QA.shape[1]
    found = {f"R@{k}": float((rank_Q < min(k, count)).double().mean()) for k in CUTS}
    found["mean rank"], found[EXAMPLES] = float(rank_Q.double().mean()) + 1, float(len(scores_NN))
    found["mAP"], found["chance mAP"] = _precision(what), _chance_precision(what)
    return found | {f"chance R@{k}": value for k, value in _chance(what).items()}


def mean_average_precision(scores_NN: Tensor, labels: Sequence[Hashable]) -> float:
    """Mean over questions of the precision at each right answer; wrong answers come first where scores are equal."""
    return _precision(asked(scores_NN, labels))


def _precision(what: Asked) -> float:
    wrong_first = what.right_QA.long().argsort(dim=1, stable=True)
    order = what.scores_QA.gather(1, wrong_first).argsort(dim=1, descending=True, stable=True)
    hit_QA = what.right_QA.gather(1, wrong_first.gather(1, order)).double()
    precision_QA = hit_QA.cumsum(1) / torch.arange(1, hit_QA.shape[1] + 1, device=hit_QA.device)
    return float(((precision_QA * hit_QA).sum(1) / hit_QA.sum(1)).mean())


def chance_precision(labels: Sequence[Hashable]) -> float:
    """Expected average precision of a random order: ``(H + (m - 1) (N - H) / (N - 1)) / N`` for m right answers, H = 1 + ... + 1/N."""
    return _chance_precision(asked(torch.zeros(len(labels), len(labels)), labels)) if labels else 0.0


def _chance_precision(what: Asked) -> float:
    count = what.scores_QA.shape[1]
    harmonic = sum(1 / n for n in range(1, count + 1))
    found = [harmonic + (m - 1) * (count - harmonic) / max(count - 1, 1) for m in what.right_QA.sum(1).tolist()]
    return sum(found) / max(count, 1) / max(len(found), 1)


def _right(labels: Sequence[Hashable], device: torch.device) -> Tensor:
    """Which answers are right for each question [N, N]."""
    names = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    label_N = torch.tensor([names[label] for label in labels], device=device)
    return label_N[:, None] == label_N[None, :]


def choice_scores(rank_N: Tensor, count_N: Tensor) -> dict[str, float]:
    """The same figures where each question has answers of its own: ranks (0 is first) among ``count_N`` answers.

    A rank of ``count_N`` or more is that of a question whose answer has no finite score.
    """
    found = {f"R@{k}": float((rank_N < count_N.clamp(max=k)).double().mean()) for k in CUTS}
    found["mean rank"], found[EXAMPLES] = float(rank_N.double().mean()) + 1, float(len(rank_N))
    return found | {f"chance R@{k}": float((k / count_N.double()).clamp(max=1).mean()) for k in CUTS}


def chance(labels: Sequence[Hashable]) -> dict[int, float]:
    """Expected R@k of a random order: one minus the chance that none of k draws is right, over all questions."""
    return _chance(asked(torch.zeros(len(labels), len(labels)), labels)) if labels else dict.fromkeys(CUTS, 0.0)


def _chance(what: Asked) -> dict[int, float]:
    count, rights = what.scores_QA.shape[1], what.right_QA.sum(1).tolist()
    missed = {m: [comb(count - m, min(k, count)) / comb(count, min(k, count)) for k in CUTS] for m in set(rights)}
    return {
        k: sum(1 - missed[m][place] for m in rights) / max(len(rights), 1) for place, k in enumerate(CUTS)
    }  # fmt: skip
