"""InfoNCE with a hard caption beside every right one: the same words, told so that they are wrong (NegCLIP, arXiv:2210.01936).

The captions of a batch are told apart by what they are about, so a model that reads them as a bag of words loses nothing, and learns no
order. Here each left side must find its caption among all of the batch *and* the hard captions of all; each caption finds its left side
among those of the batch. Held out it is asked of every sample which of the two captions is right: whoever does not see the difference
says one of two. Axes: B batch, D width, A batch of all processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import gathered
from core.blocks.objectives.info_nce import Contrast
from core.blocks.values import full
from core.graph.ports import port


@blocks.register("objectives.hard_captions")
class HardCaptions(Contrast):
    """Each video or image must find its caption among all in the batch and among captions of the same words that are wrong."""

    title = "InfoNCE with hard captions"
    takes = {
        **Contrast.takes,
        "hard": port("embedding", "a wrong caption for every left side, as near to the right one as can be", modality="shared"),
    }  # fmt: skip

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if (width := incoming["hard"].shape[-1]) != incoming["right"].shape[-1]:
            raise ValueError(
                f"Hard captions need the width of right ones: right D is {incoming['right'].shape[-1]}, hard D is {width}."
            )
        self.right: Tensor | None = None

    def forward(self, left: Tensor, right: Tensor, hard: Tensor) -> dict[str, Any]:
        """Three sides [B, D] to one number."""
        left, right, hard = (gathered(side) for side in (left, right, hard))
        there_AA, hard_AA = self.logits(left, right), self.logits(left, hard)
        target_A = torch.arange(len(left), device=left.device)
        self.right = _is_right(there_AA.detach().diagonal(), hard_AA.detach().diagonal()).mean()
        both = F.cross_entropy(torch.cat([there_AA, hard_AA], 1), target_A) + F.cross_entropy(there_AA.T, target_A)
        return {"loss": self.config.weight * both / 2}

    def readings(self) -> Mapping[str, float | Tensor]:
        """The temperature, and how often the right one of two captions was nearer in this batch."""
        return {**super().readings(), **({} if self.right is None else {"accuracy": self.right})}

    def answers(self, left: Tensor, right: Tensor, hard: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Cosines of each left side with its two captions [B]."""
        left, right, hard = (F.normalize(full(side), dim=-1) for side in (left, right, hard))
        return {"right": (left * right).sum(-1), "hard": (left * hard).sum(-1)}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """The share of samples whose right caption is nearer than its hard one."""
        return {
            "accuracy": float(_is_right(answers["right"], answers["hard"]).mean()), "chance accuracy": 0.5,
        }  # fmt: skip

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four pairs, each with a hard caption."""
        return {**super().example(), "hard": torch.randn(4, 8)}


def _is_right(right_B: Tensor, hard_B: Tensor) -> Tensor:
    """1 where the right caption is nearer, a half where neither is; 0 where that is no number."""
    nearer_B = (right_B > hard_B).double() + 0.5 * (right_B == hard_B).double()
    return torch.where(right_B.isfinite() & hard_B.isfinite(), nearer_B, 0.0)
