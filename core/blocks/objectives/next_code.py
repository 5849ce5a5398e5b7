"""Saying an image code by code: the loss of autoregressive drawing (PixelCNN over codes, arXiv:1711.00937; DALL-E, arXiv:2102.12092).

What is said at a place was said before its code was read, so nothing is shifted here. At the beginning the loss is ln K.
Axes: B batch, N codes, K codes there can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.objectives.likelihood import Likelihood
from core.blocks.values import Codes
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.next_code")
class NextCode(Likelihood):
    """Asks a decoder for every code of an image, each from those before it."""

    title = "Next code"
    modality = "loss"
    takes = {
        "said": port("predictions", "what each code was said to be before it was read"),
        "codes": port("codes", "the image's own codes"),
    }
    gives = {"loss": port("loss", "mean over codes")}
    counts = ("codes",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Smoothing and weight."""

        label_smoothing: float = knob(0.0, "Share of the target spread evenly over the code book.", low=0, high=0.9)
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        book = incoming["codes"].vocabulary
        if incoming["said"].shape[-1] != book:
            raise ValueError(f"The decoder says {incoming['said'].shape[-1]:,} codes, the tokenizer has {book:,}.")
        self.register_buffer("counts_V", torch.zeros(book))

    def forward(self, said: Tensor, codes: Codes) -> dict[str, Any]:
        """[B, N, K] and codes [B, N] to one number."""
        asked_BN = _asked(codes)
        self.count(codes.ids_BN, asked_BN)
        said_BNK = torch.where(asked_BN[..., None], said, 0.0)
        return {"loss": self.config.weight * self.loss_of(said_BNK, codes.ids_BN, asked_BN)}

    def counted(self, codes: Codes) -> Tensor:  # type: ignore[override]
        """Codes that are asked for."""
        return _asked(codes).sum()

    def answers(self, said: Tensor, codes: Codes) -> dict[str, Tensor]:  # type: ignore[override]
        """One row a code."""
        return self.rows_of(said, codes.ids_BN, _asked(codes))

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two images of four codes."""
        return {
            "said": torch.randn(2, 4, 5),
            "codes": Codes(ids_BN=torch.tensor([[0, 3, 1, 2], [4, 4, 0, 1]]), books=(5,)),
        }


def _asked(codes: Codes) -> Tensor:
    return torch.ones_like(codes.ids_BN, dtype=torch.bool) if codes.mask_BN is None else codes.mask_BN
