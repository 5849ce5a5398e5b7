"""How well something is done, as a number: a score of one vector, and of every two the better one first (arXiv:1703.09913).

The score is a linear map in units of the range of scores. Beside its squared error, two samples whose true scores differ must be told
apart by a margin (``margin_ranking_loss``): all pairs of a batch. Held out it tells Spearman's rank correlation, which for a guess is 0,
and the mean error in points beside whoever always says the mean of training. Samples without a score are not asked.
Axes: B batch, A samples that are asked, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import gathered
from core.blocks.ranking_scores import rank_correlation
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.quality")
class Quality(Objective):
    """Asks one vector how well its sample is done."""

    title = "Quality score"
    modality = "loss"
    takes = {
        "embedding": port("embedding", "one vector per example"),
        "score": port("number", "how well it is done; not a number where that is not known"),
    }
    gives = {"loss": port("loss", "squared error, and ranking of all pairs in the batch")}
    mixes_samples = True
    met_2: Tensor

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """The range of scores, margin and weights."""

        lowest: float = knob(0.0, "The lowest score there can be.", low=-1e6, high=1e6, title="Lowest score")
        highest: float = knob(100.0, "The highest score there can be.", low=-1e6, high=1e6, title="Highest score")
        margin: float = knob(
            0.05, "Two samples of different scores must be told apart by this share of the range.", low=0, high=1
        )
        error_weight: float = knob(
            1.0, "The squared error is multiplied by it.", low=0, high=1000, title="Error weight"
        )
        rank_weight: float = knob(
            1.0, "The ranking of pairs is multiplied by it.", low=0, high=1000, title="Ranking weight"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.highest <= config.lowest:
            raise ValueError(f"The highest score {config.highest:g} must be above the lowest {config.lowest:g}.")
        self.scores = nn.Linear(incoming["embedding"].shape[-1], 1)
        nn.init.normal_(self.scores.weight, std=0.02)
        nn.init.constant_(self.scores.bias, 0.5)  # the middle of the range
        self.register_buffer("met_2", torch.zeros(2))  # the sum of the scores met in training, and their number

    def forward(self, embedding: Tensor, score: Tensor) -> dict[str, Any]:
        """[B, D] and true scores [B] to one number; a batch without any true score costs nothing."""
        asked_B = score.isfinite()
        embedding = torch.where(asked_B[:, None], embedding, 0.0)
        said_B, right_B = full(self.scores(embedding))[:, 0], self._in_range(score)
        if self.training and score.device.type != "meta":
            self.met_2 += torch.stack([torch.where(asked_B, score, 0.0).sum(), asked_B.sum()]).to(self.met_2.dtype)
        said_B, right_B = gathered(said_B), gathered(right_B)
        error_B = torch.where(right_B.isfinite(), said_B - right_B.nan_to_num(), 0.0) ** 2
        error = error_B.sum() / right_B.isfinite().sum().clamp_min(1)
        ranking = ranking_loss(said_B, right_B, self.config.margin)
        return {"loss": self.config.error_weight * error + self.config.rank_weight * ranking}

    def _in_range(self, score_B: Tensor) -> Tensor:
        return full((score_B - self.config.lowest) / (self.config.highest - self.config.lowest))

    def answers(self, embedding: Tensor, score: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """The score that is said of each sample that has one, and the true one [A]."""
        asked_B = score.isfinite()
        said_A = full(self.scores(embedding[asked_B]))[:, 0]
        return {
            "said": self.config.lowest + said_A * (self.config.highest - self.config.lowest),
            "true": score[asked_B],
        }

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Spearman's correlation, and the mean error in points beside that of the mean of training."""
        said_A, true_A = answers["said"].double(), answers["true"].double()
        if not len(true_A):
            return {}
        mean = float(self.met_2[0] / self.met_2[1]) if self.met_2[1] else (self.config.lowest + self.config.highest) / 2
        return {
            "rank correlation": rank_correlation(said_A, true_A), "chance rank correlation": 0.0,
            "mean error": float((said_A - true_A).abs().mean()), "chance mean error": float((true_A - mean).abs().mean()),
        }  # fmt: skip

    def detail(self) -> str:
        """The range."""
        return f"{self.config.lowest:g}–{self.config.highest:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four vectors, one of them without a score."""
        return {"embedding": torch.randn(4, 16), "score": torch.tensor([20.0, 80.0, float("nan"), 50.0])}


def ranking_loss(said_B: Tensor, true_B: Tensor, margin: float) -> Tensor:
    """By how much the better of two is not said to be better by ``margin``, the mean over all pairs whose true scores differ."""
    better_BB = true_B[:, None] > true_B
    first_BB, second_BB = said_B[:, None].expand_as(better_BB), said_B.expand_as(better_BB)
    loss_BB = F.margin_ranking_loss(first_BB, second_BB, torch.ones_like(first_BB), margin=margin, reduction="none")
    return torch.where(better_BB, loss_BB, 0.0).sum() / better_BB.sum().clamp_min(1)
