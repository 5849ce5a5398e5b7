"""A student learns a teacher's whole table of similarities, not only which pair is right (Hinton, arXiv:1503.02531).

For contrastive models (CLIP-KD, arXiv:2307.12732): targets are the softmax rows of the teacher's logits, both ways,
``loss = (CE(student I->T, teacher I->T) + CE(student T->I, teacher T->I)) / 2``. Where the student's logits are the teacher's,
the loss is the targets' entropy and cannot fall further. Axes: B batch, D student width, E teacher width.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def soft_loss(student_BB: Tensor, teacher_BB: Tensor) -> Tensor:
    """Mean cross entropy of the student's rows against the teacher's softmax rows; both are logits."""
    return F.cross_entropy(student_BB, teacher_BB.softmax(-1))


@blocks.register("objectives.distillation")
class Distillation(Contrast):
    """The student must find every other sample as alike as its teacher does."""

    title = "Distillation"
    takes = {
        **Contrast.takes,
        "teacher_left": port("embedding", "the teacher's left side; no gradient flows back", axes="B E"),
        "teacher_right": port("embedding", "the teacher's right side; no gradient flows back", axes="B E"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Two temperatures and a weight."""

        teacher_temperature: float = knob(
            0.07, "The teacher's cosines are divided by it; its own temperature is in its run's curves.",
            low=0.001, high=10, logarithmic=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        left, right = (incoming[f"teacher_{side}"].shape[-1] for side in ("left", "right"))
        if left != right:
            raise ValueError(f"Both sides of the teacher need the same width: left E is {left}, right E is {right}.")

    def forward(self, left: Tensor, right: Tensor, teacher_left: Tensor, teacher_right: Tensor) -> dict[str, Any]:
        """The student's sides [B, D] and the teacher's [B, E] to one number."""
        student_BB = self.everyones(left, right)
        teacher_BB = self.teacher_logits(gathered(teacher_left), gathered(teacher_right)).to(student_BB.dtype)
        loss = (soft_loss(student_BB, teacher_BB) + soft_loss(student_BB.T, teacher_BB.T)) / 2
        return {"loss": self.config.weight * loss}

    @torch.no_grad()
    def teacher_logits(self, left: Tensor, right: Tensor) -> Tensor:
        """The teacher's scaled cosines [B, B] in float32."""
        left, right = (F.normalize(full(side), dim=-1) for side in (left, right))
        return left @ right.T / self.config.teacher_temperature

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four pairs, seen by both."""
        return {**super().example(), "teacher_left": torch.randn(4, 5), "teacher_right": torch.randn(4, 5)}
