"""Only the hardest candidates count: top-k hard negatives (as in VSE++, arXiv:1707.05612, but k of them, both ways).

k = all gives plain InfoNCE. The very hardest may be pairs that belong together after all: ``skip`` leaves some out.
Axes: B batch, M candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.negatives.choice import NegativeBlock, cosines, left_out, marked_as, positives, with_weights
from core.blocks.values import Negatives
from core.knobs import knob


def places(score_BM: Tensor, weight_BM: Tensor) -> Tensor:
    """Rank of every candidate in its row, 0 the highest score; positives and those left out come last."""
    barred = positives(weight_BM) | weight_BM.isneginf()
    order = score_BM.masked_fill(barred, float("-inf")).argsort(dim=-1, descending=True, stable=True)
    ranks = torch.arange(score_BM.shape[1], device=score_BM.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, ranks)


@blocks.register("negatives.hardest")
class Hardest(NegativeBlock):
    """Keeps each pair's k most similar mismatched pairs."""

    title = "Hardest"

    @dataclass(frozen=True, kw_only=True)
    class Config(NegativeBlock.Config):
        """How many."""

        count: int = knob(
            10,
            "Candidates kept for each query; more than there are keeps all.",
            low=1,
            high=1_000_000,
            title="Candidates",
        )
        skip: int = knob(
            0, "The most similar ones left out first, as they may belong together after all.", low=0, high=100_000
        )

    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor) -> Negatives:
        """The same candidates, most of them left out."""
        found = cosines(left_BD, right_BD, given)
        weights, outs = [], []
        for score, weight in ((found.there_BM, given.weight_BM), (found.back_BM, given.back_BM)):
            rank = places(score, weight)
            out = (rank < self.config.skip) | (rank >= self.config.skip + self.config.count)
            outs.append(out)
            weights.append(left_out(weight, out))
        counted = ~weights[0].isneginf() & ~positives(weights[0])
        self._said = {"hardness": found.there_BM[counted].mean()} if counted.device.type != "meta" else {}
        return with_weights(given, *weights, origin_BM=marked_as(given, "mined", ~outs[0]))

    def detail(self) -> str:
        """How many."""
        return f"k{self.config.count}" + (f" +{self.config.skip}" if self.config.skip else "")

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Three of five."""
        return {"count": 3}
