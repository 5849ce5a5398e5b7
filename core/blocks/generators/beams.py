"""Beam search: several beginnings side by side, the likeliest whole sentence by log-probability over length.

The rules are those of transformers' ``generate`` with ``early_stopping=False``: of twice as many continuations as beams those among
the first that end are kept as finished, the first that do not end go on; it is over when the likeliest beginning, at its present
length, is no better than the worst finished. Axes: K beams, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.blocks.generators.writing import Beginning, Decoder, Way, further, opened


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A whole sentence."""

    score: float  # log-probability over length
    ids: tuple[int, ...]  # its end included, where it came to one


@torch.no_grad()
def beamed(decoder: Decoder, beginning: Beginning, way: Way, end: int) -> list[Finished]:
    """The best sentences of a beginning of one row, best first."""
    logits_1V, cache = opened(decoder, beginning, way.most)
    cache = cache.rows(torch.zeros(way.beams, dtype=torch.int64, device=logits_1V.device))
    logits_KV = logits_1V.expand(way.beams, -1)
    score_K = torch.full((way.beams,), -1e9)
    score_K[0] = 0.0  # all beams are the same at first
    said: list[tuple[int, ...]] = [()] * way.beams
    finished: list[Finished] = []
    for length in range(1, way.most + 1):
        found = _continued(logits_KV, score_K, said, way.beams)
        ended = [one for one in found[: way.beams] if one[2][-1] == end or length == way.most]
        finished += [Finished(score=score / length**way.length_penalty, ids=ids) for score, _, ids in ended]
        finished = sorted(finished, key=lambda one: -one.score)[: way.beams]
        going = [one for one in found if one[2][-1] != end and length < way.most][: way.beams]
        if len(going) < way.beams or _settled(going[0][0] / length**way.length_penalty, finished, way.beams):
            break
        score_K, said = torch.tensor([score for score, _, _ in going]), [ids for _, _, ids in going]
        parents = torch.tensor([parent for _, parent, _ in going], device=logits_KV.device)
        last = torch.tensor([ids[-1] for ids in said], device=logits_KV.device)
        logits_KV, cache = further(decoder, last, cache.rows(parents))
    return finished


def _continued(
    logits_KV: Tensor, score_K: Tensor, said: list[tuple[int, ...]], beams: int
) -> list[tuple[float, int, tuple[int, ...]]]:
    """Twice as many continuations as beams, best first: log-probability, beam, pieces."""
    total_KV = logits_KV.float().cpu().log_softmax(-1) + score_K[:, None]
    best = total_KV.flatten().topk(min(2 * beams, total_KV.numel()))
    vocabulary = total_KV.shape[1]
    return [
        (score, place // vocabulary, (*said[place // vocabulary], place % vocabulary))
        for score, place in zip(best.values.tolist(), best.indices.tolist())
    ]


def _settled(best_going: float, finished: list[Finished], beams: int) -> bool:
    return len(finished) == beams and best_going <= finished[-1].score
