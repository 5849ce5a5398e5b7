"""Saying the next word: a language model's loss, each piece from all before it and from what stands before the words.

The mean negative log-likelihood over real pieces (GPT, captioning in Show and Tell, arXiv:1411.4555). What a decoder says at a piece
is held against the piece after it: the shift is made here and nowhere else. At the beginning the loss is ln V. Axes: B batch,
L word pieces, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Objective
from core.blocks.catalog import blocks
from core.blocks.encoders.text_transformer import example_text
from core.blocks.objectives.likelihood import Likelihood
from core.blocks.values import Text
from core.graph.ports import port
from core.knobs import knob


@blocks.register("objectives.next_word")
class NextWord(Likelihood):
    """Asks a decoder for every next word of the sentence."""

    title = "Next word"
    modality = "loss"
    takes = {
        "logits": port("predictions", "what each subword says comes next"),
        "text": port("text", "the sentence itself, as the decoder read it"),
    }
    gives = {"loss": port("loss", "mean over real subwords, the first of each sentence left out")}
    counts = ("text",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Smoothing and weight."""

        label_smoothing: float = knob(0.0, "Share of the target spread evenly over the vocabulary.", low=0, high=0.9)
        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        vocabulary = incoming["text"].vocabulary
        if incoming["logits"].shape[-1] != vocabulary:
            raise ValueError(
                f"The decoder says {incoming['logits'].shape[-1]:,} subwords, the sentences have {vocabulary:,}."
            )
        self.register_buffer("counts_V", torch.zeros(vocabulary))  # how often each piece was asked for in training

    def forward(self, logits: Tensor, text: Text) -> dict[str, Any]:
        """[B, L, V] and ids [B, L] to one number; a batch without any word to say costs nothing."""
        said_BLV, next_BL, asked_BL = shifted(logits, text)
        self.count(next_BL, asked_BL)
        return {"loss": self.config.weight * self.loss_of(said_BLV, next_BL, asked_BL)}

    def counted(self, text: Text) -> Tensor:  # type: ignore[override]
        """Pieces that are asked for."""
        return (text.mask_BL[:, 1:] & text.mask_BL[:, :-1]).sum()

    def answers(self, logits: Tensor, text: Text) -> dict[str, Tensor]:  # type: ignore[override]
        """One row a piece that is asked for."""
        return self.rows_of(*shifted(logits, text))

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two sentences and what was said of them."""
        text = example_text(vocabulary=11, length=5)
        return {"logits": torch.randn(2, 5, 11), "text": text}


def shifted(logits: Tensor, text: Text) -> tuple[Tensor, Tensor, Tensor]:
    """What was said at each piece but the last, the piece that came next, and whether both are real."""
    asked_BL = text.mask_BL[:, 1:] & text.mask_BL[:, :-1]
    said_BLV = torch.where(asked_BL[..., None], logits[:, :-1], 0.0)  # whatever is said of padding must not reach all
    return said_BLV, text.ids_BL[:, 1:], asked_BL
