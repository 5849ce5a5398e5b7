"""Vector quantization with one code book (VQ-VAE, arXiv:1711.00937), through vector-quantize-pytorch.

Weights of the library's ``VectorQuantize`` load into ``library``. Axes: M real tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.blocks.catalog import blocks
from core.blocks.tokenizers.averaged import AveragedBooks
from core.blocks.tokenizers.library import made


@blocks.register("tokenizers.vector_quantizer")
class VectorQuantizer(AveragedBooks):
    """Replaces every token by the nearest entry of a learned code book."""

    title = "Vector quantizer"

    def __init__(self, config: AveragedBooks.Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        self.library = made("VectorQuantize", dim=self.width, **self.settings())

    def layers(self) -> list[Any]:
        """The one."""
        return [self.library]

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Five codes."""
        return {"codes": 5}
