"""Symmetric InfoNCE with a learnable, clamped temperature: CLIP's loss (arXiv:2103.00020, 1807.03748).

``loss = (CE(s I T^T) + CE(s T I^T)) / 2`` with ``s = exp(logit_scale)``, computed by cross entropy on logits, so it is
finite at any temperature. Axes: B batch, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import count_a_process, first_row, gathered, processes
from core.blocks.values import Negatives, full
from core.graph.ports import port
from core.knobs import knob

LARGEST_SCALE = 100.0  # of the logits: no learned temperature falls below 0.01


def starting_scale(config: Any) -> nn.Parameter:
    """The logarithm of 1 / temperature. Raises ValueError for a learned temperature that would move before it learns."""
    if config.learned and config.temperature < 1 / LARGEST_SCALE:
        raise ValueError(
            f"A learned temperature stays at {1 / LARGEST_SCALE:g} or above, so {config.temperature:g} is no start for it: "
            "begin higher, or fix the temperature."
        )
    return nn.Parameter(torch.tensor(math.log(1 / config.temperature)), requires_grad=config.learned)


@torch.no_grad()
def keep_temperature(logit_scale: Tensor, config: Any) -> None:
    """Keep a temperature that learns at 0.01 or above, and at 1 or below (where it began, if that is more).

    One that is fixed or frozen stays as it is.
    """
    if logit_scale.requires_grad:
        logit_scale.clamp_(min(0.0, -math.log(config.temperature)), math.log(LARGEST_SCALE))


class Contrast(Objective):
    """What all pairwise objectives share: two sides, a temperature, its clamp."""

    modality = "loss"
    takes = {
        "left": port("embedding", "one side of every pair", modality="shared"),
        "right": port("embedding", "the other side, same order", modality="shared"),
    }
    gives = {"loss": port("loss", "mean over the batch")}
    pairs = ("left", "right")
    mixes_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Temperature and weight."""

        temperature: float = knob(
            0.07, "Cosines are divided by it; smaller sharpens the distribution.", low=0.001, high=10, logarithmic=True
        )
        learned: bool = knob(
            True, "The temperature learns; it is kept at 0.01 or above, and at 1 or below unless it begins above.",
            title="Learn temperature",
        )  # fmt: skip
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        left, right = (incoming[side].shape[-1] for side in ("left", "right"))
        if left != right:
            raise ValueError(f"Both sides need the same width: left D is {left}, right D is {right}.")
        self.logit_scale = starting_scale(config)

    def logits(self, left: Tensor, right: Tensor) -> Tensor:
        """Scaled cosines of every left with every right, in float32 (in float64 where left is)."""
        left = F.normalize(full(left), dim=-1)
        return self.logit_scale.exp() * left @ F.normalize(right.to(left.dtype), dim=-1).T

    def everyones(self, left: Tensor, right: Tensor) -> Tensor:
        """The logits of the batches of all processes together, gathered with their gradient."""
        return self.logits(gathered(left), gathered(right))

    def after_update(self) -> None:
        """Keep the temperature in its range."""
        keep_temperature(self.logit_scale, self.config)

    def readings(self) -> Mapping[str, float | Tensor]:
        """The temperature."""
        return {"temperature": (-self.logit_scale.detach()).exp()}

    def detail(self) -> str:
        """The temperature it starts from."""
        return f"τ {self.config.temperature:g}" + (" · learned" if self.config.learned else "")

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four pairs."""
        return {"left": torch.randn(4, 8), "right": torch.randn(4, 8)}


@blocks.register("objectives.info_nce")
class InfoNCE(Contrast):
    """Each image must find its sentence among all in the batch, and each sentence its image."""

    title = "InfoNCE"
    takes = {
        **Contrast.takes,
        "negatives": port("negatives", "other negatives than the whole batch", modality="shared", optional=True),
        "present": port("number", "above zero where the sample has both sides; others are left out", optional=True),
    }

    counts = ("present",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature, smoothing and weight."""

        label_smoothing: float = knob(0.0, "Share of the target spread evenly over the batch.", low=0, high=0.9)
        local_loss: bool = knob(
            False, "With several processes: each asks about its own rows only, which saves memory and gives the same "
            "gradient.", advanced=True,
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        if config.label_smoothing and ("negatives" in incoming or "present" in incoming):
            raise ValueError("Label smoothing would spread over negatives that were left out; set it to 0.")

    def forward(
        self, left: Tensor, right: Tensor, negatives: Negatives | None = None, present: Tensor | None = None
    ) -> dict[str, Any]:
        """Two sides [B, D] to one number: the mean over the samples that are present, which meet only each other."""
        both, start = self.both_ways(left, right)
        both = both if negatives is None else self._weighed(both[0], left, right, negatives)
        target_B = torch.arange(start, start + len(both[0]), device=left.device)
        if present is not None:
            return {"loss": self.config.weight * sum(self._of_present(side, target_B, present) for side in both) / 2}
        smooth = self.config.label_smoothing
        loss = sum(F.cross_entropy(side, target_B, label_smoothing=smooth) for side in both) / 2
        return {"loss": self.config.weight * loss}

    def counted(self, present: Tensor) -> Tensor:  # type: ignore[override]
        """Samples that are present."""
        return (present > 0).sum()

    def _of_present(self, logits_BM: Tensor, target_B: Tensor, present_B: Tensor) -> Tensor:
        """Cross entropy without the rows and columns of absent samples; 0 where all are absent."""
        there_A = gathered(present_B.float()) > 0
        row_B = there_A[target_B]
        there_A = torch.cat([there_A, there_A.new_ones(logits_BM.shape[1] - len(there_A))])  # further keys stay
        own_BM = target_B[:, None] == torch.arange(logits_BM.shape[1], device=target_B.device)
        logits_BM = logits_BM.masked_fill(~(there_A | own_BM), float("-inf"))
        loss_B = F.cross_entropy(logits_BM, target_B, reduction="none")
        own = processes() > 1 and len(loss_B) < len(there_A)  # of each process its own rows
        count = count_a_process(row_B.sum()) if own else row_B.sum().clamp_min(1)
        return torch.where(row_B, loss_B, 0.0).sum() / count

    def both_ways(self, left: Tensor, right: Tensor) -> tuple[list[Tensor], int]:
        """Logits of both directions, over the batches of all processes, and the column of the first row's partner."""
        if processes() == 1:
            logits_BB = self.logits(left, right)
            return [logits_BB, logits_BB.T], 0
        all_left, all_right = gathered(left), gathered(right)
        if not self.config.local_loss:
            logits_AA = self.logits(all_left, all_right)
            return [logits_AA, logits_AA.T], 0
        return [self.logits(left, all_right), self.logits(right, all_left)], first_row(len(left))

    def _weighed(self, logits_BB: Tensor, left: Tensor, right: Tensor, given: Negatives) -> list[Tensor]:
        """Logits of both directions with every candidate [B, M]; a weight is added as its logarithm."""
        there_BM = torch.cat([logits_BB, self.logits(left, given.right_KD)], 1) + given.weight_BM
        back_BM = torch.cat([logits_BB.T, self.logits(right, given.left_KD)], 1) + given.back_BM
        return [there_BM, back_BM]
