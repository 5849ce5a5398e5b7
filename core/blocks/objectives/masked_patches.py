"""Masked image modelling: say what the hidden patches' features are (regression as in UNITER, arXiv:1909.11740, and LXMERT, arXiv:1908.07490).

The target is the token before it was hidden, normalised, without gradient: wire a frozen tower for a target that
stays. Axes: B batch, N tokens, D and C widths.
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
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.objectives.gathering import count_a_process
from core.blocks.values import Tokens, full
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.masked_patches")
class MaskedPatches(Objective):
    """Predicts features of masked patches."""

    title = "Masked image modelling"
    modality = "loss"
    takes = {
        "tokens": port("tokens", "the tokens after fusion, some of them masked before"),
        "target": port("tokens", "the tokens before any was masked; no gradient flows back", axes="B N C"),
        "hidden": port("codes", "1 where a token was masked, else 0"),
    }
    gives = {"loss": port("loss", "mean squared error over masked tokens")}
    counts = ("hidden",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Weight."""

        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.answer = nn.Linear(width_of(incoming["tokens"]), width_of(incoming["target"]))
        nn.init.normal_(self.answer.weight, std=0.02)
        nn.init.zeros_(self.answer.bias)

    def forward(self, tokens: Tokens, target: Tokens, hidden: Tensor) -> dict[str, Any]:
        """[B, N, D], [B, N, C] and [B, N] to one number."""
        if tokens.x_BND.shape[1] != target.x_BND.shape[1]:
            raise ValueError(
                f"There are {tokens.x_BND.shape[1]} tokens and {target.x_BND.shape[1]} targets; wire the same side."
            )
        error_BN = (full(self.answer(tokens.zeroed().x_BND)) - _normal(target)).pow(2).mean(-1)
        hidden_BN = hidden > 0
        return {"loss": self.config.weight * (error_BN * hidden_BN).sum() / count_a_process(hidden_BN.sum())}

    def counted(self, hidden: Tensor) -> Tensor:  # type: ignore[override]
        """Hidden tokens."""
        return (hidden > 0).sum()

    def answers(self, tokens: Tokens, target: Tokens, hidden: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """What held-out scores are made of: one row a hidden token."""
        chosen = hidden > 0
        truth = _normal(target)[chosen]
        return {"error": (self.answer(tokens.x_BND)[chosen].float() - truth).pow(2).sum(-1), "truth": truth}

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """R2 over hidden tokens; always saying the mean gives 0."""
        truth = answers["truth"]
        spread = (truth - truth.mean(0)).pow(2).sum().clamp_min(1e-9)
        return {"R2": float(1 - answers["error"].sum() / spread), "chance R2": 0.0} if len(truth) else {}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """CLS and four patches, one hidden."""
        hidden = torch.zeros(2, 5, dtype=torch.long)
        hidden[:, 2] = 1
        return {"tokens": example_tokens(), "target": example_tokens(width=12), "hidden": hidden}


def _normal(target: Tokens) -> Tensor:
    x = full(target.zeroed().x_BND.detach())
    return F.layer_norm(x, x.shape[-1:])
