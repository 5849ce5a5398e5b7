"""Which language is spoken, as a learned vector that every token gets added (as in multilingual Whisper's language tokens, arXiv:2212.04356,
and XLM's language embeddings, arXiv:1901.07291).

It is as wide as the tokens, trained, saved and moved with the model. A sample whose language is not told gets none.
Axes: B batch, N tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.blocks.connectors.pool import example_tokens
from core.blocks.fusion.sides import width_of
from core.blocks.values import Tokens
from core.graph.ports import port
from core.knobs import knob
from core.problems import refuse


@blocks.register("connectors.language_embedding")
class LanguageEmbedding(Block):
    """Tells every token which language its sample is in."""

    title = "Language embedding"
    takes = {
        "tokens": port("tokens", "tokens of any number"),
        "language": port("labels", "the code of the language; -1 where it is not told"),
    }
    gives = {"tokens": port("tokens", "the same tokens, with the language added")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How many languages."""

        languages: int = knob(2, "How many there are.", low=1, high=10_000, title="Languages")
        dropout: float = knob(
            0.0, "In training, share of samples that are not told, so that the model can do without.", low=0, high=1
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.vectors = nn.Embedding(config.languages, width_of(incoming["tokens"]))
        nn.init.normal_(self.vectors.weight, std=0.02)

    def forward(self, tokens: Tokens, language: Tensor) -> dict[str, Any]:
        """[B, N, D] and codes [B, G], the first of which counts, to [B, N, D]."""
        code_B = language[:, 0]
        if code_B.device.type != "meta" and bool((code_B >= self.config.languages).any()):
            raise refuse(
                f"A language has the number {int(code_B.max()) + 1}; this block knows {self.config.languages}.",
                hint="Set Languages to how many the data has.",
            )
        told_B = code_B >= 0
        if self.training and self.config.dropout:
            told_B = told_B & (torch.rand(len(code_B), device=code_B.device) >= self.config.dropout)
        vector_BD = F.embedding(code_B.clamp_min(0), self.vectors.weight)
        added_B1D = torch.where(told_B[:, None], vector_BD, 0.0)[:, None]
        return {"tokens": tokens.with_x(tokens.x_BND + added_B1D.to(tokens.x_BND.dtype))}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two samples, the second without a language."""
        return {"tokens": example_tokens(), "language": torch.tensor([[1], [-1]])}
