"""Sentences varied a little at every visit: words left out, words or listed parts in another order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.base import Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|\S+")


@transforms.register("transforms.caption_dropout")
class CaptionDropout(Transform):
    """Leaves words out of captions, or changes their order, while training; held-out captions stay as they are."""

    title = "Caption dropout"
    modality = "text"
    takes = {"sentence": port("sentence", "captions")}
    gives = {"sentence": port("sentence", "varied captions")}
    only_in_training = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How much; 0 leaves a step out."""

        drop: float = knob(0.1, "How often a word is left out; one always stays.", low=0, high=1)
        drop_parts: float = knob(0.0, "How often a part between commas, after the first, is left out.", low=0, high=1)
        shuffle: float = knob(0.0, "How often the words come in another order.", low=0, high=1)

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``sentence`` to ``sentence``; Chinese and Japanese characters count as words."""
        sentence = str(values["sentence"])
        if self.config.drop_parts:
            first, *rest = sentence.split(", ")
            kept = generator.random(len(rest)) >= self.config.drop_parts
            sentence = ", ".join([first, *(part for part, keep in zip(rest, kept) if keep)])
        if not self.config.drop and not self.config.shuffle:
            return {"sentence": sentence}
        words = _WORD.findall(sentence)
        stays = generator.random(len(words)) >= self.config.drop
        if words and not stays.any():
            stays[int(generator.integers(len(words)))] = True
        words = [word for word, stay in zip(words, stays) if stay]
        if generator.random() < self.config.shuffle:
            words = [words[place] for place in generator.permutation(len(words))]
        return {"sentence": _sentence(words)}

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """Sentences have no shape."""
        return {"sentence": None}


def _sentence(words: list[str]) -> str:
    """Words with spaces, none between two characters that are written without."""
    text = ""
    for word in words:
        without = bool(text) and ord(text[-1]) >= 0x3040 and ord(word[0]) >= 0x3040
        text += word if not text or without else f" {word}"
    return text
