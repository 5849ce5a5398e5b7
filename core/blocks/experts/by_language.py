"""Speech that changes its language within a sentence: every frame says how likely each language is, and is read by all in that share.

Soft: a mixture of one linear map a language, weighed by the frame's posterior, so that what follows teaches the gate where languages
change. Hard: the likeliest language alone, to be compared with; then no gradient reaches the gate, and it stays as it began unless
something else teaches it. Axes: B batch, N frames, L languages, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.values import Tokens, full
from core.graph.ports import port
from core.knobs import knob

SOFT, HARD = "soft mixture", "hard routing"


@blocks.register("experts.by_language")
class LanguageMixture(Block):
    """Reads each frame by the languages it may be in, and says how likely they are."""

    title = "Language mixture"
    modality = "audio"
    decayed = ("maps_LDD",)  # by weight decay; the others are biases
    takes = {"tokens": port("tokens", "tokens of speech in time", modality="audio")}
    gives = {
        "tokens": port("tokens", "the same tokens, each read by the languages it may be in", modality="audio"),
        "languages": port("tokens", "log-probability of each language at each token", axes="B N L", modality="audio"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many languages, and how frames are shared out."""

        languages: int = knob(2, "How many there are.", low=1, high=1000, title="Languages")
        routing: str = knob(
            SOFT, "Soft mixture: all languages, by how likely they are. Hard routing: the likeliest alone, whose gate learns nothing by it.",
            choices=(SOFT, HARD),
        )  # fmt: skip

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width = width_of(incoming["tokens"])
        self.gate = nn.Linear(width, config.languages)
        self.maps_LDD = nn.Parameter(torch.empty(config.languages, width, width))
        self.shift_LD = nn.Parameter(torch.zeros(config.languages, width))
        nn.init.normal_(self.gate.weight, std=0.02)
        nn.init.zeros_(self.gate.bias)
        nn.init.normal_(self.maps_LDD, std=0.02)

    def forward(self, tokens: Tokens) -> dict[str, Any]:
        """[B, N, D] to [B, N, D], around a residual, and log-probabilities [B, N, L]."""
        x_BND = tokens.zeroed().x_BND
        log_BNL = full(self.gate(x_BND)).log_softmax(-1)
        share_BNL = log_BNL.exp()
        if self.config.routing == HARD:
            share_BNL = F.one_hot(share_BNL.argmax(-1), self.config.languages).to(share_BNL.dtype)
        read_BNLD = torch.einsum("bnd,lde->bnle", x_BND, self.maps_LDD) + self.shift_LD
        mixed_BND = torch.einsum("bnl,bnld->bnd", share_BNL.to(read_BNLD.dtype), read_BNLD)
        return {"tokens": tokens.with_x(x_BND + mixed_BND), "languages": tokens.with_x(log_BNL.to(x_BND.dtype))}

    def detail(self) -> str:
        """How many, and how."""
        return f"L{self.config.languages} · {self.config.routing}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Five tokens, two of them padding in the second sample."""
        return {"tokens": example_tokens(modality="audio")}
