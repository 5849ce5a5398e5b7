"""Hides word pieces for masked language modelling: of those chosen 80 % become the mask, 10 % another piece, 10 % stay (BERT, arXiv:1810.04805)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from core.blocks.values import Text
from core.data.base import Pieces, Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob

SILENT, SPECIAL = -100, 4  # the tokenizer's padding, unknown, start and end are never hidden
MASKED, REPLACED = 0.8, 0.9


@transforms.register("transforms.mask_words")
class MaskWords(Transform):
    """Masks some subwords and gives them as labels; held-out sentences are always masked the same way."""

    title = "Mask words"
    modality = "text"
    takes = {"text": port("text", "subwords")}
    gives = {
        "text": port("text", "the same, some of them masked"),
        "labels": port("codes", "ids of the masked subwords, -100 elsewhere", axes="B L"),
    }

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, and the mask's number."""

        share: float = knob(
            0.15, "Share of the subwords that is masked; at least one.", low=0.01, high=1, title="Mask ratio"
        )
        punctuation: bool = knob(False, "Also mask commas and the like, which are easy to guess.", advanced=True)
        mask: int | None = knob(
            None, "The id of the mask token in the vocabulary (103 in BERT's); automatic adds one of its own.",
            low=0, high=1_000_000, title="Mask id", advanced=True,
        )  # fmt: skip

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``text`` to ``text`` and ``labels`` [L]."""
        pieces: Pieces = values["text"]
        ids = pieces.ids.clone()
        labels = torch.full_like(ids, SILENT)
        open_places = np.array([n for n in range(pieces.real) if self._may_hide(pieces, n)], dtype=np.int64)
        if len(open_places):
            count = max(1, round(len(open_places) * self.config.share))
            places = torch.from_numpy(generator.choice(open_places, count, replace=False))
            labels[places] = ids[places]
            dice = torch.from_numpy(generator.random(count))
            other = torch.from_numpy(generator.integers(SPECIAL, pieces.vocabulary, count))
            said = torch.where(
                dice < MASKED, self._mask(pieces.vocabulary), torch.where(dice < REPLACED, other, ids[places])
            )
            ids[places] = said.to(ids.dtype)
        return {"text": replace(pieces, ids=ids, vocabulary=self._size(pieces.vocabulary)), "labels": labels}

    def _may_hide(self, pieces: Pieces, place: int) -> bool:
        if int(pieces.ids[place]) < SPECIAL:
            return False
        shown = pieces.words[place] if place < len(pieces.words) else ""
        return self.config.punctuation or not shown.strip() or any(letter.isalnum() for letter in shown)

    def _mask(self, vocabulary: int) -> int:
        return vocabulary if self.config.mask is None else self.config.mask

    def _size(self, vocabulary: int) -> int:
        return max(vocabulary, self._mask(vocabulary) + 1)

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """The same shape, and labels."""
        text: Text = incoming["text"]
        return {
            "text": replace(text, vocabulary=self._size(text.vocabulary)),
            "labels": torch.empty(text.ids_BL.shape, dtype=torch.int64, device="meta"),
        }
