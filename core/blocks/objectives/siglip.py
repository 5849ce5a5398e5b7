"""SigLIP: every pair of the batch is a yes-or-no question of its own (arXiv:2303.15343).

``loss = -sum_ij log sigmoid(z_ij (t x_i y_j + b)) / B`` with z = 1 on the diagonal and -1 off it. Axes: B batch, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.catalog import blocks
from core.blocks.objectives.gathering import first_row, gathered
from core.blocks.objectives.info_nce import Contrast
from core.knobs import knob


@blocks.register("objectives.siglip")
class SigLIP(Contrast):
    """Asks of every image and sentence in the batch whether they belong together."""

    title = "SigLIP"

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature, bias and weight."""

        temperature: float = knob(
            0.1, "Cosines are divided by it; the paper starts at 0.1.", low=0.001, high=10, logarithmic=True
        )
        bias: float = knob(
            -10.0, "Added to every logit; the paper starts at -10 against the many negatives.", low=-100, high=100
        )

    def __init__(self, config: Config, incoming: Any) -> None:
        super().__init__(config, incoming)
        self.logit_bias = nn.Parameter(torch.tensor(float(config.bias)), requires_grad=config.learned)

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        """Two sides [B, D] to one number."""
        logits_BA = self.logits(left, gathered(right)) + self.logit_bias  # A: the batches of all processes
        own_B = torch.arange(len(left), device=left.device) + first_row(len(left))
        sign_BA = 2 * F.one_hot(own_B, logits_BA.shape[1]) - 1
        return {"loss": -self.config.weight * F.logsigmoid(sign_BA * logits_BA).sum() / len(left)}

    def readings(self) -> dict[str, Any]:
        """Temperature and bias."""
        return {**super().readings(), "bias": self.logit_bias.detach()}
