"""Finite scalar quantization: each of a few numbers is rounded to a few levels (arXiv:2309.15505), through vector-quantize-pytorch.

There is no code book to learn, to commit to or to die: the codes are all combinations of levels. Levels 8, 5, 5, 5 are 1,000 codes;
an even number of levels is not symmetric and reaches 1 - 2 / levels on one side. Weights of the library's ``FSQ`` load into ``library``.
Axes: M real tokens, D width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.tokenizers.library import made
from core.blocks.tokenizers.quantizer import Quantized, Quantizer
from core.knobs import knob

MOST_CODES = 2**20


@blocks.register("tokenizers.finite_scalar_quantizer")
class FiniteScalarQuantizer(Quantizer):
    """Rounds a few numbers of every token to a few levels each."""

    title = "Finite scalar quantizer"

    @dataclass(frozen=True, kw_only=True)
    class Config(Quantizer.Config):
        """The levels."""

        levels: str = knob(
            "8, 6, 5",
            "Levels of each number, 3 or more; their product is the number of codes.",
            title="Levels per number",
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.levels = levels_of(config.levels)
        self.library = made("FSQ", dim=self.width, levels=self.levels)

    @property
    def books(self) -> tuple[int, ...]:
        """All combinations."""
        return (math.prod(self.levels),)

    def quantized(self, x_MD: Tensor) -> Quantized:
        """Rounded, with the gradient of what was not."""
        rounded_1MD, codes_1M = self.library(x_MD[None])
        codes_MQ = codes_1M[0].long()[:, None]
        return Quantized(
            x_MD=rounded_1MD[0] if self.training else self.looked_up(codes_MQ), codes_MQ=codes_MQ, penalties={}
        )

    def looked_up(self, codes_MQ: Tensor) -> Tensor:
        """The library's inverse."""
        found: Tensor = self.library.indices_to_codes(codes_MQ[None, :, 0])[0]  # type: ignore[operator]
        return found

    def detail(self) -> str:
        """Levels and codes."""
        return f"{'×'.join(map(str, self.levels))} K{self.books[0]}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Fifteen codes."""
        return {"levels": "5, 3"}


def levels_of(text: str) -> list[int]:
    """``"8, 5, 5"`` as numbers. Raises ValueError."""
    words = text.replace(",", " ").replace("×", " ").split()
    if not words or not all(word.isdecimal() and int(word) >= 3 for word in words):
        raise ValueError(f"The levels are {text!r}; they must be whole numbers of 3 or more, such as 8, 5, 5.")
    levels = [int(word) for word in words]
    if math.prod(levels) > MOST_CODES:
        raise ValueError(f"The levels make {math.prod(levels):,} codes; at most {MOST_CODES:,} can be numbered.")
    return levels
