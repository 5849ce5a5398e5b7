"""A code book that is a learned linear map of fixed random vectors, so that no code is left behind (SimVQ, arXiv:2411.02038).

Weights of the library's ``SimVQ`` load into ``library``. Axes: M real tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.blocks.catalog import blocks
from core.blocks.tokenizers.averaged import gradient_knob
from core.blocks.tokenizers.library import made
from core.blocks.tokenizers.quantizer import Quantized, Quantizer, codes_knob, commitment_knob


@blocks.register("tokenizers.sim_vq")
class SimVQ(Quantizer):
    """Replaces every token by the nearest entry of a code book that moves as a whole."""

    title = "SimVQ"

    @dataclass(frozen=True, kw_only=True)
    class Config(Quantizer.Config):
        """The book, and how it learns."""

        codes: int = codes_knob()
        commitment: float = commitment_knob()
        gradient: str = gradient_knob()

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.library = made(
            "SimVQ", dim=self.width, codebook_size=config.codes, rotation_trick=config.gradient == "rotation",
            input_to_quantize_commit_loss_weight=config.commitment,
        )  # fmt: skip

    @property
    def books(self) -> tuple[int, ...]:
        """The one."""
        return (self.config.codes,)

    def quantized(self, x_MD: Tensor) -> Quantized:
        """The nearest."""
        chosen_1MD, codes_1M, penalty = self.library(x_MD[None])
        codes_MQ = codes_1M[0].long()[:, None]
        return Quantized(
            x_MD=chosen_1MD[0] if self.training else self.looked_up(codes_MQ), codes_MQ=codes_MQ,
            penalties={"code book and commitment": penalty},
        )  # fmt: skip

    def looked_up(self, codes_MQ: Tensor) -> Tensor:
        """Rows of the mapped book."""
        found: Tensor = self.library.codebook[codes_MQ[:, 0]]  # type: ignore[index]
        return found

    def detail(self) -> str:
        """How many codes."""
        return f"K{self.config.codes}"

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Five codes."""
        return {"codes": 5}
