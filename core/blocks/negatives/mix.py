"""A mix of random and hard negatives, with a curriculum: hard 30 %, then 50 %, then 70 %.

For each query ``count`` candidates: the hard share are its most similar wrong partners, the rest is drawn at random from
the others. The curriculum is a function of the share of the run that is done. Axes: B batch, M candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.negatives.choice import NegativeBlock, cosines, left_out, marked_as, with_weights
from core.blocks.negatives.hardest import places
from core.blocks.values import ORIGINS, Negatives
from core.graph.curriculum import SCHEDULES, hard_share
from core.knobs import knob


@blocks.register("negatives.mix")
class Mix(NegativeBlock):
    """Draws negatives partly at random, partly among the hardest, harder as training goes on."""

    title = "Random and hard mix"

    @dataclass(frozen=True, kw_only=True)
    class Config(NegativeBlock.Config):
        """How many, and how hard when."""

        count: int = knob(
            32, "Candidates of each query; more than there are keeps all.", low=1, high=1_000_000, title="Candidates"
        )
        hard: float = knob(
            0.2,
            "Share of hard ones (in the first third of a curriculum).",
            low=0,
            high=1,
            title="Hard share, first third",
        )
        schedule: str = knob(
            "constant", "Thirds: first, middle and last share in the three thirds of the run. Linear: from first to last.",
            choices=SCHEDULES, title="Hardness schedule",
        )  # fmt: skip
        middle: float = knob(
            0.5, "Share of hard ones in the second third.", low=0, high=1, title="Hard share, middle third"
        )
        last: float = knob(
            0.7, "Share of hard ones in the last third, or at the end.", low=0, high=1, title="Hard share, last third"
        )

    def share(self, progress: float) -> float:
        """The hard share when so much of the run is done."""
        c = self.config
        return hard_share(progress, schedule=c.schedule, hard=c.hard, middle=c.middle, last=c.last)

    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor) -> Negatives:
        """The same candidates, all but the drawn ones left out."""
        share, found = self.share(self.progress), cosines(left_BD, right_BD, given)
        hard = round(share * self.config.count)
        weights, kinds = [], []
        for score, weight in ((found.there_BM, given.weight_BM), (found.back_BM, given.back_BM)):
            is_hard = places(score, weight) < hard
            others = weight.masked_fill(is_hard, float("-inf"))
            is_random = places(torch.rand_like(score), others) < self.config.count - hard
            weights.append(left_out(weight, ~(is_hard | is_random)))
            kinds.append((is_hard, is_random & ~others.isneginf()))
        self._said = {"hard share": torch.tensor(share)}
        renamed = marked_as(given, "mined", kinds[0][0])
        origin = renamed.masked_fill(
            kinds[0][1] & (renamed == 0), ORIGINS.index("random")
        )  # drawn from the batch; a queue's stay the queue's
        return with_weights(given, *weights, origin_BM=origin)

    def detail(self) -> str:
        """Count and shares."""
        c = self.config
        return f"k{c.count} {c.hard:.0%}" + ("" if c.schedule == "constant" else f"→{c.last:.0%}")

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Four of five, half of them hard."""
        return {"count": 4, "hard": 0.5}
