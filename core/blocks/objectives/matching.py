"""Matching: do these two sides belong together? A yes-or-no question about a fused pair (ITM; ALBEF, arXiv:2107.07651).

Takes what ``fusion.pairs`` labels, after a fusion block and a pool. Axes: B pairs, D width.
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
from core.blocks.values import full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.matching")
class Matching(Objective):
    """Asks of every fused pair whether its sides belong together."""

    title = "Matching"
    modality = "loss"
    takes = {
        "embedding": port("embedding", "one vector per fused pair", modality="shared"),
        "label": port("number", "1 where the sides belong together, else 0"),
    }
    gives = {"loss": port("loss", "mean over the pairs")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Weight."""

        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.answer = nn.Linear(incoming["embedding"].shape[-1], 1)
        self.right: Tensor | None = None

    def forward(self, embedding: Tensor, label: Tensor) -> dict[str, Any]:
        """[B, D] and [B] to one number. Raises ValueError where there are not as many labels as pairs."""
        if len(embedding) != len(label):
            raise ValueError(
                f"There are {len(embedding)} pairs and {len(label)} labels, which must be of the same pairs."
            )
        logit_B = full(self.answer(embedding)[..., 0])
        self.right = _is_right(logit_B.detach(), label).float().mean()
        return {"loss": self.config.weight * F.binary_cross_entropy_with_logits(logit_B, label.to(logit_B.dtype))}

    def readings(self) -> Mapping[str, float | Tensor]:
        """The share of right answers in this batch."""
        return {} if self.right is None else {"accuracy": self.right}

    def answers(self, embedding: Tensor, label: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """What held-out scores are made of."""
        return {"logit": self.answer(embedding)[..., 0].float(), "label": label}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Share of right answers, beside always saying the more frequent one."""
        true = answers["label"] > 0.5
        most = float(true.float().mean())
        return {
            "accuracy": float(_is_right(answers["logit"], answers["label"]).float().mean()),
            "chance accuracy": max(most, 1 - most),
        }

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two pairs, one of them mismatched."""
        return {"embedding": torch.randn(2, 8), "label": torch.tensor([1.0, 0.0])}


def _is_right(logit_B: Tensor, label_B: Tensor) -> Tensor:
    """Which pairs were told rightly; a logit that is not finite tells nothing."""
    return ((logit_B > 0) == (label_B > 0.5)) & logit_B.isfinite()
