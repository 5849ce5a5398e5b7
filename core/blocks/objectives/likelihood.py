"""What objectives share that ask for one of a vocabulary at each place: the loss, and held-out perplexity beside plain frequency.

Axes: B batch, L places, V vocabulary, A places that are asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.objectives.gathering import count_a_process
from core.blocks.values import full


class Likelihood(Objective):
    """Counts how often each of the vocabulary is asked for in training: the control that every perplexity stands beside."""

    counts_V: Tensor

    def count(self, truth_BL: Tensor, asked_BL: Tensor) -> None:
        """While learning."""
        if self.training and truth_BL.device.type != "meta":
            self.counts_V += torch.bincount(truth_BL[asked_BL], minlength=len(self.counts_V))

    def loss_of(self, said_BLV: Tensor, truth_BL: Tensor, asked_BL: Tensor) -> Tensor:
        """The mean negative log-likelihood over what is asked; nothing asked costs nothing."""
        loss_BL = F.cross_entropy(
            full(said_BLV).flatten(0, 1), truth_BL.flatten(), reduction="none", label_smoothing=self.config.label_smoothing
        ).view_as(truth_BL)  # fmt: skip
        total: Tensor = torch.where(asked_BL, loss_BL, 0.0).sum() / count_a_process(asked_BL.sum())
        return total

    def rows_of(self, said_BLV: Tensor, truth_BL: Tensor, asked_BL: Tensor) -> dict[str, Tensor]:
        """One row a place that is asked [A]: its loss, whether it was the likeliest, and what plain frequency gives."""
        truth_A, scores_AV = truth_BL[asked_BL], said_BLV[asked_BL].float()
        frequency_V = ((self.counts_V + 1) / (self.counts_V + 1).sum()).log()  # what was never seen is not impossible
        return {
            "loss": F.cross_entropy(scores_AV, truth_A, reduction="none"), "unigram": -frequency_V[truth_A],
            "right": (scores_AV.argmax(-1) == truth_A) & scores_AV.isfinite().all(-1),
            "guess": truth_A == self.counts_V.argmax(),
        }  # fmt: skip

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Perplexity beside that of how often each occurs in training, and how often the likeliest is right."""
        if not len(answers["loss"]):
            return {}
        mean = {name: float(rows.detach().double().mean()) for name, rows in answers.items()}
        return {
            "perplexity": math.exp(min(mean["loss"], 700.0)), "chance perplexity": math.exp(mean["unigram"]),
            "accuracy": mean["right"], "chance accuracy": mean["guess"],
        }  # fmt: skip
