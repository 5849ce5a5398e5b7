"""Gated cross-attention: another modality enters through a gate.

Flamingo's tanh gates begin at zero, so the block begins as the identity and a pretrained tower is not disturbed
(arXiv:2204.14198). The sigmoid gate is computed for every token from itself and from what attention found; its bias
says how far it is open at the beginning. In the form of IDEFICS (arXiv:2306.16527) it is transformers'
IdeficsGatedCrossAttentionLayer, whose attention has no biases: here they begin at zero. Axes: B batch, N queries, M keys, H hidden.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.attention.core import Attention
from core.blocks.attention.modern import SwiGLU
from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.fusion.sides import FusionKnobs, example_sides, keys_of, width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob

TANH, SIGMOID = "tanh from zero", "sigmoid"
FLAMINGO, IDEFICS = "Flamingo", "IDEFICS"


@blocks.register("fusion.gated")
class Gated(Block):
    """Adds attention to another side through a learned gate."""

    title = "Gated cross-attention"
    modality = "shared"
    takes = {
        "tokens": port("tokens", "queries"),
        "context": port("tokens", "keys and values, let in through the gate", axes="B M C"),
    }
    gives = {"tokens": port("tokens", "queries updated through the gate")}
    repeatable = True

    @dataclass(frozen=True, kw_only=True)
    class Config(FusionKnobs):
        """The gate."""

        gate: str = knob(
            TANH,
            "tanh from zero begins as the identity (Flamingo); sigmoid is computed for every token.",
            choices=(TANH, SIGMOID),
        )
        form: str = knob(
            FLAMINGO, "Flamingo: layer norms and a GELU feed-forward. IDEFICS: root-mean-square norms, a SwiGLU feed-forward, and the "
            "context as it comes.", choices=(FLAMINGO, IDEFICS), advanced=True, title="Variant",
        )  # fmt: skip
        opening: float = knob(
            0.02, "Sigmoid: how far the gate is open at the beginning.", low=0.001, high=0.999, title="Initial gate"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width, key_width = width_of(incoming["tokens"]), width_of(incoming["context"])
        self.attention = Attention(width, config.heads, key_width=key_width, options=config)
        hidden = int(width * config.ratio)
        self.norm_1: nn.Module
        self.norm_2: nn.Module
        self.norm_context: nn.Module
        self.mlp: nn.Module
        if config.form == IDEFICS:
            self.norm_1, self.norm_2 = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
            self.norm_context, self.mlp = nn.Identity(), SwiGLU(width, hidden)
        else:
            self.norm_1, self.norm_2, self.norm_context = (
                nn.LayerNorm(width),
                nn.LayerNorm(width),
                nn.LayerNorm(key_width),
            )
            self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(config.dropout)
        self.gate_attention = self.gate_mlp = self.gate = None
        if config.gate == TANH:
            self.gate_attention = nn.Parameter(torch.zeros(1))
            self.gate_mlp = nn.Parameter(torch.zeros(1))
        else:
            self.gate = nn.Linear(2 * width, 2 * width)
            nn.init.zeros_(self.gate.weight)
            nn.init.constant_(self.gate.bias, math.log(config.opening / (1 - config.opening)))

    def forward(self, tokens: Tokens, context: Tokens) -> dict[str, Any]:
        """Queries [B, N, D] and context [B, M, C] to [B, N, D]."""
        x_BND, context = tokens.zeroed().x_BND, keys_of(context, self.config)
        asked = self.attention(
            self.norm_1(x_BND), context.x_BND, context.mask_BN, norm=self.norm_context, size_BM=context.size_BN
        )
        found = self.dropout(asked)
        first, second = self._gates(x_BND, found)
        x_BND = x_BND + first * found
        return {"tokens": tokens.with_x(x_BND + second * self.dropout(self.mlp(self.norm_2(x_BND))))}

    def _gates(self, x_BND: Tensor, found_BND: Tensor) -> tuple[Tensor, Tensor]:
        if self.gate is not None:
            first, second = self.gate(torch.cat([x_BND, found_BND], -1)).sigmoid().chunk(2, -1)
            return first, second
        assert self.gate_attention is not None
        assert self.gate_mlp is not None
        return self.gate_attention.tanh(), self.gate_mlp.tanh()

    def readings(self) -> Mapping[str, float | Tensor]:
        """How far the gates are open (of the sigmoid: its bias alone)."""
        if self.gate is not None:
            return {"gate": self.gate.bias.detach().sigmoid().mean()}
        assert self.gate_attention is not None
        return {"gate": self.gate_attention.detach().tanh().abs().mean()}

    def attentions(self) -> Mapping[str, nn.Module]:
        """Its look at the other side."""
        return {"0": self.attention}

    def meets(self, layer: str) -> tuple[str, str]:
        """Tokens at the context."""
        return "tokens", "context"

    def detail(self) -> str:
        """The gate."""
        return "sigmoid" if self.gate is not None else "tanh from zero"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Words that look at patches."""
        sides = example_sides(left_width=12)
        return {"tokens": sides["right"], "context": sides["left"]}
