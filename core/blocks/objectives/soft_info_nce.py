"""InfoNCE with soft labels: how alike two samples' guides are says how wrong it is to confuse them.

Targets are rows of ``softmax(guide guide^T / t)`` mixed with the identity (as in CLIP-Lite/SoftCLIP, arXiv:2303.17561);
a one-hot target gives InfoNCE. The loss cannot fall below the targets' entropy. Axes: B batch, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import gathered
from core.blocks.objectives.info_nce import Contrast
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


def soft_cross_entropy(logits_BB: Tensor, target_BB: Tensor) -> Tensor:
    """Mean cross entropy of both directions against target rows that sum to one (columns for the reverse)."""
    back_BB = target_BB.T / target_BB.T.sum(-1, keepdim=True)
    return (F.cross_entropy(logits_BB, target_BB) + F.cross_entropy(logits_BB.T, back_BB)) / 2


@blocks.register("objectives.soft_info_nce")
class SoftInfoNCE(Contrast):
    """InfoNCE that forgives confusing samples whose guides are alike."""

    title = "InfoNCE, soft labels"
    takes = {
        **Contrast.takes,
        "guide": port("embedding", "what says how alike two samples are; no gradient flows back", axes="B G"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature, softness and weight."""

        guide_temperature: float = knob(
            0.1, "Smaller: only near-identical guides share the target.", low=0.001, high=10, logarithmic=True
        )
        softness: float = knob(0.5, "Share of the target that follows the guide; 0 is plain InfoNCE.", low=0, high=1)

    def forward(self, left: Tensor, right: Tensor, guide: Tensor) -> dict[str, Any]:
        """Two sides [B, D] and guides [B, G] to one number."""
        loss = soft_cross_entropy(self.everyones(left, right), self.targets(gathered(guide)))
        return {"loss": self.config.weight * loss}

    def targets(self, guide: Tensor) -> Tensor:
        """Rows [B, B] that sum to one."""
        guide = F.normalize(full(guide.detach()), dim=-1)
        soft_BB = (guide @ guide.T / self.config.guide_temperature).softmax(-1)
        one_BB = torch.eye(len(soft_BB), dtype=soft_BB.dtype, device=soft_BB.device)
        return self.config.softness * soft_BB + (1 - self.config.softness) * one_BB

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four pairs with guides."""
        return {**super().example(), "guide": torch.randn(4, 5)}
