"""The denoising objective: how far a prediction on noisy images is off, weighed by level.

Plain is the simple loss of DDPM (arXiv:2006.11239) and the loss of flow matching (arXiv:2210.02747); min-SNR (arXiv:2303.09556) counts
an error of the image at most ``gamma`` times and by its signal to noise below that, whatever is predicted. Axes: B batch, C H W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.values import Denoising, full
from core.graph.ports import port
from core.knobs import knob

PLAIN, MIN_SNR = "plain", "min-SNR"
THIRDS = {  # of time, by the name of the score
    "error at little noise": (0.0, 1 / 3), "error at half noise": (1 / 3, 2 / 3), "error at much noise": (2 / 3, 1.01),
}  # fmt: skip


@blocks.register("objectives.denoising")
class DenoisingError(Objective):
    """Teaches a diffusion block to tell an image from its noise."""

    title = "Denoising"
    modality = "loss"
    takes = {"denoised": port("denoising", "what a diffusion block predicted, beside what is right")}
    gives = {"loss": port("loss", "mean squared error, weighed by level")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Weights."""

        weighting: str = knob(
            PLAIN, "Plain: every level counts alike. Min-SNR: levels with little noise count less.",
            choices=(PLAIN, MIN_SNR),
        )  # fmt: skip
        gamma: float = knob(
            5.0, "Min-SNR: no error of the image counts more than so many times.", low=0.01, high=1000, advanced=True,
            title="SNR limit",
        )  # fmt: skip
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def forward(self, denoised: Denoising) -> dict[str, Any]:
        """To one number."""
        return {"loss": self.config.weight * (_error(denoised) * self._weight(denoised)).mean()}

    def _weight(self, denoised: Denoising) -> Tensor:
        if self.config.weighting == PLAIN:
            return torch.ones_like(denoised.cost_B)
        return denoised.ratio_B.clamp_max(self.config.gamma) * denoised.cost_B

    def answers(self, denoised: Denoising) -> dict[str, Tensor]:  # type: ignore[override]
        """One row an example: its error, what predicting nothing would be off by, and its level."""
        zero_B = full(denoised.target_BCHW).square().flatten(1).mean(1)
        return {"error": _error(denoised), "zero": zero_B, "time": denoised.time_B}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean squared error of the prediction, in all and by level; beside it that of predicting zero."""
        found = {"error": float(answers["error"].mean()), "chance error": float(answers["zero"].mean())}
        for name, (low, high) in THIRDS.items():
            inside = (answers["time"] >= low) & (answers["time"] < high)
            if inside.any():
                found[name] = float(answers["error"][inside].mean())
        return found

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two examples at different levels."""
        return {
            "denoised": Denoising(
                prediction_BCHW=torch.randn(2, 3, 4, 4), target_BCHW=torch.randn(2, 3, 4, 4),
                cost_B=torch.tensor([0.04, 0.64]), ratio_B=torch.tensor([16.0, 0.06]), time_B=torch.tensor([0.2, 0.8]),
            )
        }  # fmt: skip


def _error(denoised: Denoising) -> Tensor:
    """Mean squared error of each example, [B]."""
    return (full(denoised.prediction_BCHW) - full(denoised.target_BCHW)).square().flatten(1).mean(1)
