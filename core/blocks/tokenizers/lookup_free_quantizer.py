"""Lookup-free quantization: the signs of a few numbers are the code (MAGVIT-v2, arXiv:2310.05737), through vector-quantize-pytorch.

The penalty makes each choice sure and all codes equally used over the batch: entropy of a token's choice minus that of the mean
choice. It is the library's own formula, here also in evaluation. Weights of the library's ``LFQ`` load into ``library``.
Axes: M real tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.tokenizers.library import made
from core.blocks.tokenizers.quantizer import Quantized, Quantizer, commitment_knob
from core.knobs import knob


@blocks.register("tokenizers.lookup_free_quantizer")
class LookupFreeQuantizer(Quantizer):
    """Keeps only the signs of a few numbers of every token."""

    title = "Lookup-free quantizer"
    batch_losses = ("penalty",)  # how evenly a batch uses the codes

    @dataclass(frozen=True, kw_only=True)
    class Config(Quantizer.Config):
        """How many signs, and how strongly they are to be sure and varied."""

        signs: int = knob(8, "Numbers of which the sign is kept; 8 are 256 codes.", low=1, high=16)
        entropy: float = knob(0.1, "Weight of the entropy terms.", low=0, high=100, title="Entropy weight")
        diversity: float = knob(1.0, "Weight of even use among the entropy terms.", low=0, high=100, title="Diversity")
        sharpness: float = knob(
            1.0, "Inverse temperature at which the entropy terms see a choice; the library's own is 100.", low=0.01, high=1000,
            logarithmic=True,
        )  # fmt: skip
        commitment: float = commitment_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.library = made(
            "LFQ", dim=self.width, codebook_size=2**config.signs, entropy_loss_weight=config.entropy,
            commitment_loss_weight=config.commitment, diversity_gamma=config.diversity,
        )  # fmt: skip

    @property
    def books(self) -> tuple[int, ...]:
        """All combinations of signs."""
        return (2**self.config.signs,)

    def quantized(self, x_MD: Tensor) -> Quantized:
        """The library in training mode, as in evaluation it gives no penalty; it keeps nothing of what it saw."""
        self.library.train()
        signs_1MD, codes_1M, penalty = self.library(x_MD[None], inv_temperature=self.config.sharpness)
        codes_MQ = codes_1M[0].long()[:, None]
        return Quantized(
            x_MD=signs_1MD[0] if self.training else self.looked_up(codes_MQ), codes_MQ=codes_MQ,
            penalties={"entropy and commitment": penalty},
        )  # fmt: skip

    def looked_up(self, codes_MQ: Tensor) -> Tensor:
        """The library's inverse."""
        found: Tensor = self.library.indices_to_codes(codes_MQ[None, :, 0])[0]  # type: ignore[operator]
        return found

    def detail(self) -> str:
        """How many codes."""
        return f"K{self.books[0]}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Eight codes."""
        return {"signs": 3}
