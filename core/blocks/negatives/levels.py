"""Negatives by semantic distance: another group (level 1), another subgroup of the group (2), the same subgroup (3).

What the data knows about its samples comes in as codes of nested classes. Each level has a weight of its own; 0 leaves
it out. Keys of a queue have no codes and keep theirs. Axes: B batch, G levels of the taxonomy (coarse to fine), M candidates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.negatives.choice import OUT, NegativeBlock, cosines, positives, with_weights
from core.blocks.values import ORIGINS, Negatives
from core.graph.ports import port
from core.knobs import knob


def levels_of(codes_BG: Tensor) -> Tensor:
    """Level of every pair [B, B]: 1 plus how many leading codes (of the first two) they share."""
    same_BB = codes_BG[:, None, 0] == codes_BG[None, :, 0]
    if codes_BG.shape[1] < 2:
        return 1 + same_BB.long()
    return 1 + same_BB.long() + (same_BB & (codes_BG[:, None, 1] == codes_BG[None, :, 1])).long()


@blocks.register("negatives.levels")
class Levels(NegativeBlock):
    """Weighs negatives by how close their meaning is."""

    title = "Semantic levels"
    takes = {
        **NegativeBlock.takes,
        "classes": port("labels", "codes of nested classes, coarse to fine"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(NegativeBlock.Config):
        """How often each level counts."""

        far: float = knob(1.0, "Level 1, another group: how often each counts.", low=0, high=1000)
        near: float = knob(1.0, "Level 2, the same group: how often each counts.", low=0, high=1000)
        nearest: float = knob(1.0, "Level 3, the same subgroup: how often each counts.", low=0, high=1000)

    def chosen(self, given: Negatives, left_BD: Tensor, right_BD: Tensor, *, classes: Tensor) -> Negatives:  # type: ignore[override]
        """The same candidates, weighed."""
        level_BB = levels_of(classes)
        logs = [math.log(w) if w else OUT for w in (self.config.far, self.config.near, self.config.nearest)]
        extra_BB = given.weight_BM.new_tensor([0.0, *logs])[level_BB]
        count, keys = len(level_BB), given.weight_BM.shape[1] - len(level_BB)
        extra_BM = torch.cat([extra_BB, extra_BB.new_zeros(count, keys)], 1)
        extra_BM = extra_BM.masked_fill(positives(extra_BM), 0.0)
        origin_BB = (level_BB + ORIGINS.index("level 1") - 1).to(torch.uint8)
        origin_BM = torch.cat([origin_BB, given.origin_BM[:, count:]], 1)
        self._say(cosines(left_BD, right_BD, given).there_BM[:, :count], level_BB)
        return with_weights(given, given.weight_BM + extra_BM, given.back_BM + extra_BM, origin_BM=origin_BM)

    def _say(self, cosine_BB: Tensor, level_BB: Tensor) -> None:
        if cosine_BB.device.type == "meta":
            return
        off = ~positives(cosine_BB)
        chosen = {f"level {n}": cosine_BB[(level_BB == n) & off] for n in (1, 2, 3)}
        self._said = {f"similarity, {name}": values.mean() for name, values in chosen.items() if len(values)}

    def readings(self) -> Mapping[str, float | Tensor]:
        """Mean similarity of each level."""
        return self._said

    def detail(self) -> str:
        """The weights."""
        c = self.config
        return f"1: {c.far:g} · 2: {c.near:g} · 3: {c.nearest:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Six pairs of two groups and three subgroups."""
        codes = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [1, 2, 4], [1, 3, 5]])
        return {**super().example(), "classes": codes}
