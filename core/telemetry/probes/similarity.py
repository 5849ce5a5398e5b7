"""Cosines of pairs that belong together and of those that do not, and whether the space collapses.

Alignment and uniformity: Wang and Isola, arXiv:2005.10242. Effective rank: exp of the entropy of the normalised
singular values (Roy and Vetterli, EUSIPCO 2007). Modality gap: Liang et al., arXiv:2203.02053.
Axes: B batch, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.knobs import knob
from core.telemetry.events import Histogram, Scalars
from core.telemetry.probes.probe import Probe, Watched, probes


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


@probes.register("similarity")
class Similarity(Probe):
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
        collapse_mean: float = knob(0.9, "Warn when the mean similarity of negatives is above this.", low=-1, high=1)

    def began(self, run: Watched) -> None:
        """No warning yet."""
        self._warned: set[str] = set()

    def step_ended(self, run: Watched) -> None:
        """Look at the sides of every pairwise objective."""
        if run.position.step % self.config.every and run.position.step != 1:
            return
        for key, (left, right) in run.sides.items():
            self._look(run, key, F.normalize(left.float(), dim=-1), F.normalize(right.float(), dim=-1))

    def _look(self, run: Watched, key: str, left_BD: Tensor, right_BD: Tensor) -> None:
        cosine_BB = left_BD @ right_BD.T
        positive = cosine_BB.diagonal()
        off = ~torch.eye(len(cosine_BB), dtype=torch.bool, device=cosine_BB.device)
        negative = cosine_BB[off]
        for name, values in (("positive", positive), ("negative", negative)):
            counts = torch.histc(values.cpu(), bins=self.config.bins, min=-1, max=1).numpy().astype(np.uint32)
            run.say(Histogram(at=run.at(), series=f"similarity/{key}/{name}", low=-1.0, high=1.0, counts=counts))
        rank = effective_rank(torch.cat([left_BD, right_BD]))
        figures = {
            "alignment": alignment(left_BD, right_BD),
            "uniformity": (uniformity(left_BD) + uniformity(right_BD)) / 2,
            "effective rank": rank, "modality gap": modality_gap(left_BD, right_BD),
            "positive mean": positive.mean(), "negative mean": negative.mean(), "negative std": negative.std(),
        }  # fmt: skip
        run.say(Scalars(at=run.at(), values={f"similarity/{key}/{name}": float(v) for name, v in figures.items()}))
        self._warn(run, key, float(rank), float(negative.mean()))

    def _warn(self, run: Watched, key: str, rank: float, mean: float) -> None:
        if run.position.step < 20 or key in self._warned:  # every network begins nearly collapsed
            return
        if rank < self.config.collapse_rank or mean > self.config.collapse_mean:
            self._warned.add(key)
            run.warn(
                f"Collapse? {key}: embeddings use {rank:.1f} directions and negatives have a mean similarity of "
                f"{mean:.2f}. Lower the learning rate or check that both towers learn."
            )
