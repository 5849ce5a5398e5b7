"""NT-Xent: of the 2N views of N samples, each must find the other view of its sample (SimCLR, arXiv:2002.05709).

``l(i, j) = -log exp(s_ij / t) / sum_{k != i} exp(s_ik / t)``, averaged over all 2N ordered pairs of views of one sample, with
s the cosine. Unlike InfoNCE a view is also told from the views on its own side. Axes: B batch, D width, V = 2B views.
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
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.nt_xent")
class NTXent(Contrast):
    """Two views of every sample must find each other among all views in the batch."""

    title = "NT-Xent"
    takes = {
        "left": port("embedding", "one view of every sample", modality="shared"),
        "right": port("embedding", "the other view, same order", modality="shared"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Contrast.Config):
        """Temperature, which does not learn in the paper, and weight."""

        temperature: float = knob(
            0.5, "Cosines are divided by it; the paper's best are 0.1 to 0.5.", low=0.001, high=10, logarithmic=True
        )
        learned: bool = knob(
            False, "The temperature learns; it is kept at 0.01 or above, and at 1 or below unless it begins above.",
            title="Learn temperature",
        )  # fmt: skip

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Any]:
        """Two views [B, D] to one number; 0 for a single sample, whose views have nothing else to be told from."""
        view_VD = torch.cat([gathered(left), gathered(right)])
        logits_VV = self.logits(view_VD, view_VD)
        itself_VV = torch.eye(len(view_VD), dtype=torch.bool, device=view_VD.device)
        other_V = torch.arange(len(view_VD), device=view_VD.device).roll(len(view_VD) // 2)
        loss = F.cross_entropy(logits_VV.masked_fill(itself_VV, float("-inf")), other_V)
        return {"loss": self.config.weight * loss}
