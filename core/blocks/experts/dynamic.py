"""Experts drawn by Gumbel noise in training: a hard choice forward, a soft gradient backward (arXiv:1611.01144).

The k largest of ``(logits + Gumbel) / temperature`` are a draw without replacement (Gumbel top-k, arXiv:1903.06059). Each
chosen expert counts 1/k; its gate's gradient is the softmax's (straight-through). Evaluation makes the same kind of hard
choice, without noise, so training and evaluation run the same network. Axes: T tokens, E experts, K choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.experts.mixture import Mixture
from core.knobs import knob


@blocks.register("experts.dynamic")
class Dynamic(Mixture):
    """Draws each token's experts with Gumbel noise: hard forward, soft gradient."""

    title = "Dynamic experts"

    @dataclass(frozen=True, kw_only=True)
    class Config(Mixture.Config):
        """The mixture's, and a temperature."""

        temperature: float = knob(
            1.0, "Of the soft gradient; smaller is closer to the hard choice, and noisier.", low=0.01, high=100,
            logarithmic=True,
        )  # fmt: skip

    def choose(self, logits_TE: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hard gates of 1/k whose gradient is the softmax's."""
        noisy_TE = logits_TE
        if self.training:
            noisy_TE = logits_TE - torch.empty_like(logits_TE).exponential_().log()
        soft_TE = (noisy_TE / self.config.temperature).softmax(-1)
        picked_TK, choice_TK = soft_TE.topk(self.config.top_k, dim=-1)
        gate_TK = 1 / self.config.top_k + (picked_TK - picked_TK.detach())
        return choice_TK, gate_TK, logits_TE.softmax(-1)
