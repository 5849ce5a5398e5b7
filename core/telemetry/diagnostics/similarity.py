"""Cosines of pairs that belong together and of those that do not, and whether the space collapses.

Alignment and uniformity: Wang and Isola, arXiv:2005.10242. Effective rank: exp of the entropy of the normalised
singular values (Roy and Vetterli, EUSIPCO 2007). Modality gap: Liang et al., arXiv:2203.02053.
Where negatives were chosen by blocks, their histogram is said for each origin as well, and of every look the pairs that
a person may want to judge: the most similar of the batch and as many at random.
Axes: B batch, D width, K further keys, M candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.knobs import knob
from core.telemetry.diagnostics.diagnostic import Diagnostic, Watched, diagnostics
from core.telemetry.events import ORIGINS, Histogram, Pairs, Scalars


def alignment(left_BD: Tensor, right_BD: Tensor) -> Tensor:
    """Mean squared distance of pairs of unit vectors; 0 is perfect."""
    return (left_BD - right_BD).pow(2).sum(-1).mean()


def uniformity(x_BD: Tensor) -> Tensor:
    """Log of the mean Gaussian potential of unit vectors; lower is more even, 0 is one single point."""
    return torch.pdist(x_BD).pow(2).mul(-2).exp().mean().log()


def effective_rank(x_BD: Tensor) -> Tensor:
    """How many directions the vectors use: 1 when all are parallel, D (or B) at most."""
    values = torch.linalg.svdvals(x_BD)
    share = values / values.sum().clamp_min(1e-12)
    return torch.special.entr(share).sum().exp()


def modality_gap(left_BD: Tensor, right_BD: Tensor) -> Tensor:
    """Distance of the two sides' means."""
    return (left_BD.mean(0) - right_BD.mean(0)).norm()


MOST_CANDIDATES = 2**18  # looked at for the histograms by origin; of more, an even sample


def by_origin(left_BD: Tensor, right_BD: Tensor, negatives: Any) -> Iterator[tuple[str, Tensor]]:
    """Cosines of the left queries with the negatives that count, for every origin there is."""
    there_MD = torch.cat([right_BD, F.normalize(negatives.right_KD.float(), dim=-1)])
    rows = torch.arange(0, len(left_BD), -(-len(left_BD) // max(4, MOST_CANDIDATES // len(there_MD))))
    columns = torch.arange(0, len(there_MD), -(-len(rows) * len(there_MD) // MOST_CANDIDATES))
    rows, columns = rows.to(left_BD.device), columns.to(left_BD.device)
    cosine_RC = left_BD[rows] @ there_MD[columns].T
    weight_RC, origin_RC = (table[rows][:, columns] for table in (negatives.weight_BM, negatives.origin_BM))
    counts_RC = weight_RC.isfinite() & (rows[:, None] != columns[None, :])
    cosines, origins = cosine_RC[counts_RC], origin_RC[counts_RC]
    for code, name in enumerate(ORIGINS):
        values = cosines[origins == code]
        if len(values):
            yield name, values


def pairs_of(cosine_BB: Tensor, origin_BB: Tensor | None, numbers: list[int], count: int, seed: int) -> dict[str, Any]:
    """The ``count`` most similar wrong partners of a batch and as many others at random, as fields of a ``Pairs``.

    A pair of samples counts once, in its more similar direction; two copies of one sample are no pair.
    """
    number_B = torch.tensor(numbers, device=cosine_BB.device)
    score_BB = torch.maximum(cosine_BB, cosine_BB.T).triu(1)
    open_BB = torch.ones_like(cosine_BB, dtype=torch.bool).triu(1) & (number_B[:, None] != number_B[None, :])
    places = (open_BB & score_BB.isfinite()).flatten().nonzero().flatten()  # NaN is no likeness
    if not len(places):
        return {}
    best = places[score_BB.flatten()[places].topk(min(count, len(places))).indices]
    drawn = np.random.default_rng(seed).choice(len(places), min(4 * count, len(places)), replace=False)
    others = places[torch.from_numpy(drawn).to(places.device)]
    place = torch.cat([best, others[~torch.isin(others, best)][:count]])
    first, second = place // len(cosine_BB), place % len(cosine_BB)
    turned = cosine_BB[first, second] < cosine_BB[second, first]
    first, second = torch.where(turned, second, first), torch.where(turned, first, second)
    origin = torch.zeros_like(place) if origin_BB is None else origin_BB[first, second]
    return {
        "left": number_B[first].cpu().numpy().astype(np.int32), "right": number_B[second].cpu().numpy().astype(np.int32),
        "cosine": cosine_BB[first, second].cpu().numpy().astype(np.float32),
        "origin": origin.cpu().numpy().astype(np.uint8), "origins": ORIGINS, "hardest": len(best),
    }  # fmt: skip


@diagnostics.register("similarity")
class Similarity(Diagnostic):
    """Distributions of positive and negative similarity, with a warning when the space collapses."""

    title = "Similarity"

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How often and how fine."""

        every: int = knob(10, "Look at every n-th step.", low=1, high=100_000, unit="steps")
        bins: int = knob(80, "Bars of the histogram between -1 and 1.", low=10, high=1000, unit="bars")
        collapse_rank: float = knob(
            2.0, "Warn when fewer directions than this are used.", low=1, high=1000, unit="directions"
        )
        pairs: int = knob(
            96, "So many of the most similar mismatched pairs are kept to be annotated, and as many at random.",
            low=0, high=1000, unit="pairs", title="Pairs kept",
        )  # fmt: skip
        collapse_mean: float = knob(0.9, "Warn when the mean similarity of negatives is above this.", low=-1, high=1)

    def began(self, run: Watched) -> None:
        """No warning yet."""
        self._warned: set[str] = set()

    def step_ended(self, run: Watched) -> None:
        """Look at the sides of every pairwise objective."""
        if not self.is_due(run):
            return
        for key, (left, right) in run.sides.items():
            self._look(run, key, F.normalize(left.float(), dim=-1), F.normalize(right.float(), dim=-1))

    def _look(self, run: Watched, key: str, left_BD: Tensor, right_BD: Tensor) -> None:
        cosine_BB = left_BD @ right_BD.T
        positive = cosine_BB.diagonal()
        off = ~torch.eye(len(cosine_BB), dtype=torch.bool, device=cosine_BB.device)
        negative = cosine_BB[off]
        for name, values in (("positive", positive), ("negative", negative)):
            self._say_histogram(run, f"similarity/{key}/{name}", values)
        chosen = run.negatives.get(key)
        if chosen is not None and len(chosen.weight_BM) == len(left_BD):
            for origin, values in by_origin(left_BD, right_BD, chosen):
                self._say_histogram(run, f"similarity/{key}/negative/{origin}", values)
        self._say_pairs(run, key, cosine_BB, chosen)
        rank = effective_rank(torch.cat([left_BD, right_BD]))
        figures = {
            "alignment": alignment(left_BD, right_BD),
            "uniformity": (uniformity(left_BD) + uniformity(right_BD)) / 2,
            "effective rank": rank, "modality gap": modality_gap(left_BD, right_BD),
            "positive mean": positive.mean(), "negative mean": negative.mean(), "negative std": negative.std(),
        }  # fmt: skip
        run.say(Scalars(at=run.at(), values={f"similarity/{key}/{name}": float(v) for name, v in figures.items()}))
        self._warn(run, key, float(rank), float(negative.mean()))

    def _say_histogram(self, run: Watched, series: str, values: Tensor) -> None:
        inside = values.cpu().clamp(-1, 1)  # rounding makes cosines of 1.0000001, which histc would leave out
        counts = torch.histc(inside, bins=self.config.bins, min=-1, max=1).numpy().astype(np.uint32)
        run.say(Histogram(at=run.at(), series=series, low=-1.0, high=1.0, counts=counts))

    def _say_pairs(self, run: Watched, key: str, cosine_BB: Tensor, chosen: Any) -> None:
        count = len(cosine_BB)
        numbers = run.indices_of(key)
        if not self.config.pairs or len(numbers) != count:
            return  # sides that are not one a sample have no numbers
        origin_BB = None if chosen is None or len(chosen.origin_BM) != count else chosen.origin_BM[:, :count]
        found = pairs_of(cosine_BB, origin_BB, numbers, self.config.pairs, run.position.step)
        if found:
            run.say(Pairs(at=run.at(), series=f"pairs/{key}", **found))

    def _warn(self, run: Watched, key: str, rank: float, mean: float) -> None:
        if run.position.step < 20 or key in self._warned:  # every network begins nearly collapsed
            return
        if rank < self.config.collapse_rank or mean > self.config.collapse_mean:
            self._warned.add(key)
            run.warn(
                f"Collapse? {key}: embeddings use {rank:.1f} directions and negatives have a mean similarity of "
                f"{mean:.2f}. Lower the learning rate or check that both towers learn."
            )
