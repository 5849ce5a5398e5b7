"""Objects seen from several sides find their sentence, or another image, from any of the views: vectors of views are pooled without order (arXiv:1703.06114).

The pool is a mean of unit vectors, so it is the same in any order and for any number of views. Symmetric InfoNCE (arXiv:2103.00020) over the
batch. Held out it tells how often the right one is found from one view, from two, and so on, over all choices of so many.
Axes: B batch, V views, D width, E width of both sides, N objects of a split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import gathered
from core.blocks.objectives.info_nce import Contrast, starting_scale
from core.blocks.ranking import choice_ranks
from core.blocks.values import Grid, Tokens, full
from core.graph.ports import port

MOST_CHOICES = 16  # choices of so many views that are asked


@blocks.register("objectives.view_contrast")
class ViewContrast(Objective):
    """Each object must be found from whatever views of it there are, and its views by what it is found by."""

    title = "Contrast of views"
    modality = "loss"
    takes = {
        "views": port("tokens", "one token per view of an object", modality="shared"),
        "other": port("embedding", "what it is found by: its sentence, or another image of it", modality="shared"),
    }
    gives = {"loss": port("loss", "mean over the batch")}
    mixes_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature and weight."""

    logit_scale: nn.Parameter
    after_update = Contrast.after_update
    readings = Contrast.readings
    detail = Contrast.detail

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.map = nn.Linear(incoming["views"].x_BND.shape[-1], incoming["other"].shape[-1])
        self.logit_scale = starting_scale(config)

    def forward(self, views: Tokens, other: Tensor) -> dict[str, Any]:
        """Views [B, V, D] and what they are found by [B, E] to one number."""
        left_BE, right_BE = gathered(self.pooled(views)), gathered(F.normalize(full(other), dim=-1))
        logit_BB = self.logit_scale.exp() * left_BE @ right_BE.to(left_BE.dtype).T
        target_B = torch.arange(len(logit_BB), device=logit_BB.device)
        loss = (F.cross_entropy(logit_BB, target_B) + F.cross_entropy(logit_BB.T, target_B)) / 2
        return {"loss": self.config.weight * loss}

    def vectors(self, views: Tokens) -> Tensor:
        """A unit vector of every view, zeros where there is none [B, V, E]."""
        x_BVE = F.normalize(full(self.map(views.zeroed().x_BND)), dim=-1)
        return x_BVE if views.mask_BN is None else torch.where(views.mask_BN[..., None], x_BVE, 0.0)

    def pooled(self, views: Tokens) -> Tensor:
        """One unit vector of all views there are [B, E]."""
        return F.normalize(self.vectors(views).sum(1), dim=-1)

    def answers(self, views: Tokens, other: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Vectors of views, which of them there are, and of what they are found by."""
        vector_BVE = self.vectors(views)
        there_BV = torch.ones(vector_BVE.shape[:2], dtype=torch.bool) if views.mask_BN is None else views.mask_BN
        right_BE = F.normalize(full(other), dim=-1)
        given = {"views": vector_BVE, "there": there_BV, "other": right_BE}
        return {name: value.detach().cpu() for name, value in given.items()}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """R@1 and R@10 of the right one among those of the split, by the number of views it is asked from, beside chance."""
        vector_NVE, there_NV, right_NE = answers["views"], answers["there"], answers["other"]
        scores: dict[str, float] = {}
        for count in range(1, vector_NVE.shape[1] + 1):
            ranks = [
                rank_A
                for kept in choices(vector_NVE.shape[1], count)
                if len(rank_A := _ranks(vector_NVE, there_NV, right_NE, kept))
            ]
            if not ranks:
                continue
            rank, many = torch.cat(ranks), len(right_NE)
            for most in (1, 10):
                name = " ".join((f"R@{most}", "from", str(count)))
                scores[name] = float((rank < min(most, many)).double().mean())
                scores["chance " + name] = min(1.0, most / many)
        return scores

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four objects of three views; one has only two."""
        mask = torch.ones(4, 3, dtype=torch.bool)
        mask[1, 2] = False
        views = Tokens(
            x_BND=torch.randn(4, 3, 12), mask_BN=mask, modality="image", grid=Grid(kind="latents", sizes=(3,))
        )
        return {"views": views, "other": torch.randn(4, 8)}


def choices(views: int, count: int) -> Sequence[tuple[int, ...]]:
    """Which views are asked from together: all choices of so many, or evenly some of them where there are more than 16."""
    every = list(combinations(range(views), count))
    step = max(1, len(every) // MOST_CHOICES)
    return every[::step][:MOST_CHOICES]


def _ranks(vector_NVE: Tensor, there_NV: Tensor, right_NE: Tensor, kept: Sequence[int]) -> Tensor:
    """Of objects that have all these views, how many others are at least as near as their own [A]."""
    has_N = there_NV[:, list(kept)].all(1)
    asked_AE = F.normalize(vector_NVE[:, list(kept)].sum(1), dim=-1)[has_N]
    return choice_ranks(asked_AE @ right_NE.T, has_N.nonzero()[:, 0])
