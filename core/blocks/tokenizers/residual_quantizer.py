"""Residual vector quantization: each further code book says what the ones before it left (SoundStream, arXiv:2107.03312).

Weights of the library's ``ResidualVQ`` load into ``library``. A token has as many codes as there are levels, coarse to fine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.tokenizers.averaged import AveragedBooks
from core.blocks.tokenizers.library import made
from core.knobs import knob


@blocks.register("tokenizers.residual_quantizer")
class ResidualQuantizer(AveragedBooks):
    """Replaces every token by a sum of code-book entries, coarse to fine."""

    title = "Residual quantizer"

    @dataclass(frozen=True, kw_only=True)
    class Config(AveragedBooks.Config):
        """How many books."""

        levels: int = knob(4, "Code books, each for what those before it left.", low=1, high=32, title="Code books")

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.library = made("ResidualVQ", dim=self.width, num_quantizers=config.levels, **self.settings())

    def layers(self) -> list[Any]:
        """The library's, coarse to fine."""
        return list(self.library.layers)  # type: ignore[arg-type]

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Two books of five codes."""
        return {"codes": 5, "levels": 2}
