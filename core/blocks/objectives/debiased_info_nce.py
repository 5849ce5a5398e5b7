"""InfoNCE against sampling bias and with hard negatives weighed up: DCL (arXiv:2007.00224), HCL (arXiv:2010.04592).

``-log p / (p + N g)`` with p = exp(s+), g the debiased mean of the negatives: ``g = (mean(w exp(s-)) - prior p) /
(1 - prior)``, not below exp(-1/temperature), and w = exp(hardness s-) over its mean. Prior 0 and hardness 0 give InfoNCE.
Axes: B batch, D width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.objectives.info_nce import Contrast
from core.knobs import knob


@blocks.register("objectives.debiased_info_nce")
class DebiasedInfoNCE(Contrast):
    """InfoNCE that allows for false negatives and weights hard ones up."""

    title = "InfoNCE, debiased"

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Prior, hardness, temperature and weight."""

        prior: float = knob(
            0.01,
            "How likely a random negative matches after all.",
            low=0,
            high=0.9,
            title="False-negative prior",
        )
        hardness: float = knob(0.5, "How much hard negatives are favoured; 0 counts all alike.", low=0, high=10)

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        """Two sides [B, D] to one number."""
        logits_BB = self.everyones(left, right)
        loss = (self._one_way(logits_BB) + self._one_way(logits_BB.T)) / 2
        return {"loss": self.config.weight * loss}

    def _one_way(self, logits_BB: Tensor) -> Tensor:
        """In logarithms throughout, so small temperatures stay finite."""
        count = len(logits_BB) - 1
        if count < 1:
            return (0.0 * logits_BB).sum()  # nothing to compare with; still a loss that can be derived
        positive_B = logits_BB.diagonal()
        itself = torch.eye(len(logits_BB), dtype=torch.bool, device=logits_BB.device)
        negative_BB = logits_BB.masked_fill(itself, float("-inf"))
        weight_BB = (self.config.hardness * logits_BB).masked_fill(itself, float("-inf"))
        log_weight_BB = weight_BB - weight_BB.logsumexp(-1, keepdim=True)  # sums to one: mean(w exp) = sum
        mean_B = (log_weight_BB.masked_fill(itself, 0.0) + negative_BB).logsumexp(-1)
        if self.config.prior:
            top_B = torch.maximum(mean_B, positive_B).detach()
            debiased_B = (mean_B - top_B).exp() - self.config.prior * (positive_B - top_B).exp()
            floor_B = (-self.logit_scale.exp() - top_B).exp()
            mean_B = top_B + torch.maximum(debiased_B / (1 - self.config.prior), floor_B).clamp_min(1e-30).log()
        return (torch.logaddexp(positive_B, mean_B + math.log(count)) - positive_B).mean()

    def detail(self) -> str:
        """Prior and hardness."""
        return f"prior {self.config.prior:g} · β {self.config.hardness:g}"
