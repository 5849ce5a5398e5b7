"""Leaves a modality out for some samples in training and puts one learned token in its place (ModDrop, arXiv:1501.00102).

The same token stands in where a sample lacks the modality, and where a person asks with the others alone, so a model
answers to any subset. Axes: B batch, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob


@blocks.register("connectors.modality_dropout")
class ModalityDropout(Block):
    """Now and then hides a modality behind a learned missing token."""

    title = "Modality dropout"
    takes = {
        "embedding": port("embedding", "one modality's vector"),
        "present": port("number", "above zero where the sample has this modality", optional=True),
    }
    gives = {"embedding": port("embedding", "the vector, or the learned missing token")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How often."""

        rate: float = knob(
            0.3, "How often a sample's vector is hidden in training.", low=0, high=1, title="Drop probability"
        )

    def __init__(self, config: Any, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.missing_embedding = nn.Parameter(torch.randn(incoming["embedding"].shape[-1]) * 0.02)
        self.is_absent = False  # a person asks without this modality
        self._hidden = torch.zeros(())

    def forward(self, embedding: Tensor, present: Tensor | None = None) -> dict[str, Any]:
        """[B, D] to [B, D]."""
        stays_B = torch.full((embedding.shape[0],), not self.is_absent, device=embedding.device)
        if present is not None:
            stays_B = stays_B & (present > 0)
        if self.training and self.config.rate:
            stays_B = stays_B & (torch.rand(embedding.shape[0], device=embedding.device) >= self.config.rate)
        self._hidden = 1 - stays_B.float().mean()
        return {"embedding": torch.where(stays_B[:, None], embedding, self.missing_embedding.to(embedding.dtype))}

    def readings(self) -> Mapping[str, float | Tensor]:
        """Share of the last batch that was hidden."""
        return {"hidden": self._hidden} if self._hidden.device.type != "meta" else {}

    def detail(self) -> str:
        """The rate."""
        return f"p{self.config.rate:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Four vectors, one of them missing."""
        return {"embedding": torch.randn(4, 8), "present": torch.tensor([1, 1, 0, 1])}
