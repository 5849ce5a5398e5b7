"""Masked language modelling: say what stands behind the mask, from the other words and the other side (BERT, arXiv:1810.04805; LXMERT, arXiv:1908.07490).

Takes labels of ``transforms.mask_words``: the piece's number where it must be said, -100 elsewhere. At the beginning
the loss is ln V. Axes: B batch, L word pieces, D width, V vocabulary.
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
from core.blocks.encoders.text_transformer import example_text
from core.blocks.fusion.sides import width_of
from core.blocks.objectives.gathering import count_a_process, summed
from core.blocks.values import Text, Tokens, full
from core.graph.ports import port
from core.knobs import knob

SILENT = -100


@blocks.register("objectives.masked_words")
class MaskedWords(Objective):
    """Predicts the masked words."""

    title = "Masked language modelling"
    modality = "loss"
    takes = {
        "tokens": port("tokens", "one token per subword, after fusion", axes="B L D"),
        "labels": port("codes", "ids of the masked subwords, -100 elsewhere", axes="B L"),
        "text": port("text", "the masked text; only its vocabulary is read"),
    }
    gives = {"loss": port("loss", "mean over masked subwords")}
    counts = ("labels",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Objective.Config):
        """Weight."""

        weight: float = knob(1.0, "This loss is multiplied by it.", low=0, high=1000)

    counts_V: Tensor

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        width, vocabulary = width_of(incoming["tokens"]), incoming["text"].vocabulary
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, vocabulary))
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.02 / max(1.0, (width / 64) ** 0.5))
        nn.init.zeros_(last.bias)
        self.register_buffer("counts_V", torch.zeros(vocabulary))  # how often each piece was asked for in training
        self.right: Tensor | None = None

    def forward(self, tokens: Tokens, labels: Tensor, text: Text) -> dict[str, Any]:
        """[B, L, D] and [B, L or more] to one number; a batch without hidden pieces costs nothing."""
        labels = labels[:, : tokens.x_BND.shape[1]]  # words end where the batch's longest sentence does
        if labels.shape != tokens.x_BND.shape[:2]:
            raise ValueError(
                f"There are labels for {labels.shape[1]} pieces and {tokens.x_BND.shape[1]} tokens; wire the text side."
            )
        logits_BLV = full(self.head(tokens.zeroed().x_BND))
        asked_BL = labels != SILENT
        if self.training and labels.device.type != "meta":
            self.counts_V += summed(torch.bincount(labels[asked_BL], minlength=len(self.counts_V)))
        loss = F.cross_entropy(logits_BLV.flatten(0, 1), labels.flatten(), ignore_index=SILENT, reduction="sum")
        self.right = ((logits_BLV.detach().argmax(-1) == labels) & asked_BL).sum() / asked_BL.sum().clamp_min(1)
        return {"loss": self.config.weight * loss / count_a_process(asked_BL.sum())}

    def counted(self, labels: Tensor) -> Tensor:  # type: ignore[override]
        """Hidden pieces."""
        return (labels != SILENT).sum()

    def readings(self) -> Mapping[str, float | Tensor]:
        """The share of hidden pieces said right in this batch."""
        return {} if self.right is None else {"accuracy": self.right}

    def answers(self, tokens: Tokens, labels: Tensor, text: Text) -> dict[str, Tensor]:  # type: ignore[override]
        """What held-out scores are made of: one row a hidden piece."""
        labels = labels[:, : tokens.x_BND.shape[1]]
        asked_BL = labels != SILENT
        truth = labels[asked_BL]
        logits = self.head(tokens.x_BND[asked_BL]).float()
        return {
            "right": (logits.argmax(-1) == truth) & logits.isfinite().all(-1), "loss": F.cross_entropy(logits, truth, reduction="none"),
            "guess": truth == self.counts_V.argmax(),
        }  # fmt: skip

    def held_out_scores(self, answers: Mapping[str, Tensor]) -> dict[str, float]:
        """Share of right words and the loss, beside always saying the most frequent word of training."""
        if not len(answers["right"]):
            return {}
        found = {"accuracy": answers["right"], "chance accuracy": answers["guess"], "loss": answers["loss"]}
        return {name: float(value.detach().float().mean()) for name, value in found.items()}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Two sentences with a hidden piece each."""
        text = example_text(length=5)
        labels = torch.full((2, 5), SILENT)
        labels[:, 1] = torch.tensor([3, 4])
        return {"tokens": example_tokens(), "labels": labels, "text": text}
