"""Which of K classes: a linear map of one vector to a score for each, and the cross-entropy of the right one.

Held out it tells accuracy, the mean over classes of their own accuracy (where some are rare), and how often the class that is most
frequent in training is right. Samples without a class are not asked. Where few classes are frequent, a focus lets what is right already
count little (arXiv:1708.02002). Axes: B batch, A samples that are asked, D width, K classes.
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
from core.blocks.objectives.gathering import count_a_process
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@blocks.register("objectives.classification")
class Classification(Objective):
    """Asks one vector for its sample's class."""

    title = "Classification"
    modality = "loss"
    takes = {
        "embedding": port("embedding", "one vector per example"),
        "classes": port("labels", "the code of its class; -1 where it has none"),
    }
    gives = {"loss": port("loss", "mean cross-entropy over the samples with a class")}
    counts = ("classes",)
    counts_K: Tensor

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """How many classes, and which of nested ones."""

        classes: int = knob(10, "How many classes the data has; its page says.", low=2, high=100_000, title="Classes")
        level: int = knob(
            1, "Which of the data's nested classes: 1 the coarsest; beyond the last, the finest.", low=1, high=8,
            title="Class level", advanced=True,
        )  # fmt: skip
        label_smoothing: float = knob(0.0, "Share of the target spread evenly over all classes.", low=0, high=0.9)
        gamma: float = knob(
            0.0, "Focal loss: how little counts what is right already; 0 is plain cross-entropy.", low=0, high=8,
            title="Focal gamma",
        )  # fmt: skip
        dropout: float = knob(0.0, "Share of the vector's numbers dropped in training.", low=0, high=0.9)
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.scores = nn.Linear(incoming["embedding"].shape[-1], config.classes)
        nn.init.normal_(self.scores.weight, std=0.02)
        nn.init.zeros_(self.scores.bias)
        self.register_buffer("counts_K", torch.zeros(config.classes))  # how often each was met in training

    def forward(self, embedding: Tensor, classes: Tensor) -> dict[str, Any]:
        """[B, D] and codes [B, G] to one number; a batch without any class costs nothing."""
        truth_B = self._truth(classes)
        asked_B = truth_B >= 0
        if self.training and truth_B.device.type != "meta":
            self.counts_K += torch.bincount(truth_B[asked_B], minlength=len(self.counts_K))
        embedding = torch.where(asked_B[:, None], embedding, 0.0)
        scores_BK = full(self.scores(F.dropout(embedding, self.config.dropout, self.training)))
        loss_B = F.cross_entropy(
            scores_BK, truth_B.clamp_min(0), reduction="none", label_smoothing=self.config.label_smoothing
        )
        if self.config.gamma:
            right_B = scores_BK.log_softmax(-1).gather(1, truth_B.clamp_min(0)[:, None])[:, 0].exp()
            loss_B = loss_B * (1 - right_B) ** self.config.gamma
        loss = torch.where(asked_B, loss_B, 0.0).sum() / count_a_process(asked_B.sum())
        return {"loss": self.config.weight * loss}

    def _truth(self, classes: Tensor) -> Tensor:
        """The code at the chosen level [B]. Raises Refused for one that is not among the classes."""
        truth_B = classes[:, min(self.config.level, classes.shape[1]) - 1]
        if truth_B.device.type != "meta" and bool((truth_B >= self.config.classes).any()):
            raise refuse(
                f"A sample's class has the number {int(truth_B.max()) + 1}; this block knows {self.config.classes}.",
                hint="Set Classes to how many the data has.",
            )
        return truth_B

    def counted(self, classes: Tensor) -> Tensor:  # type: ignore[override]
        """Samples with a class."""
        return (self._truth(classes) >= 0).sum()

    def answers(self, embedding: Tensor, classes: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """What is said of each sample with a class, and what is right [A]; a score that is not finite says nothing."""
        truth_B = self._truth(classes)
        scores_AK, truth_A = self.scores(embedding)[truth_B >= 0].float(), truth_B[truth_B >= 0]
        return {"said": _largest(scores_AK), "truth": truth_A}

    def chances(self, embedding: Tensor, classes: Tensor) -> Tensor:  # type: ignore[override]
        """Probabilities of each sample with a class."""
        return self.scores(embedding)[self._truth(classes) >= 0].float().softmax(-1)

    def averaged(self, answers: Mapping[str, Tensor], chances_AK: Tensor) -> dict[str, Tensor]:
        """The class of the largest mean probability."""
        return {**answers, "said": _largest(chances_AK)}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Accuracy, its mean over the classes there are, and that of the most frequent class of training."""
        truth_A, right_A = answers["truth"], answers["said"] == answers["truth"]
        if not len(truth_A):
            return {}
        by_class = [float(right_A[truth_A == code].double().mean()) for code in truth_A.unique().tolist()]
        guess = int(self.counts_K.argmax())
        return {
            "accuracy": float(right_A.double().mean()), "chance accuracy": float((truth_A == guess).double().mean()),
            "mean class accuracy": sum(by_class) / len(by_class), "chance mean class accuracy": 1 / len(by_class),
        }  # fmt: skip

    def detail(self) -> str:
        """How many."""
        return f"K{self.config.classes}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Three vectors, one of them without a class."""
        return {"embedding": torch.randn(3, 16), "classes": torch.tensor([[1], [-1], [0]])}


def _largest(scores_AK: Tensor) -> Tensor:
    """The class of the largest score [A]; -1 where one is not finite."""
    return torch.where(scores_AK.isfinite().all(-1), scores_AK.argmax(-1), -1)
