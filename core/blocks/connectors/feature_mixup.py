"""Features of one image at two resolutions, mixed in training (mixup, arXiv:1710.09412, on features as manifold mixup, arXiv:1806.05236).

Each sample has a share of its own, drawn from Beta(a, a). Tokens of two resolutions differ in number, so they are pooled before.
Axes: B batch, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.blocks.block import Block
from core.blocks.catalog import blocks
from core.graph.ports import port
from core.knobs import knob


@blocks.register("connectors.feature_mixup")
class FeatureMixup(Block):
    """Mixes two feature vectors of each sample while training, such as those of two image sizes."""

    title = "Feature mixup"
    takes = {
        "first": port("embedding", "features at the size that is asked about later"),
        "second": port("embedding", "features of the same sample at another size"),
    }
    gives = {"embedding": port("embedding", "their mixture; the first alone where the share is 1")}

    @dataclass(frozen=True, kw_only=True)
    class Config(Block.Config):
        """How they are mixed."""

        concentration: float = knob(
            0.4, "Of the distribution Beta(a, a) of shares: small takes mostly one of the two, 1 is uniform.",
            low=0.01, high=100, logarithmic=True,
        )  # fmt: skip
        evaluated: float = knob(
            1.0, "Share of the first where nothing is trained.", low=0, high=1, title="Share when evaluated"
        )

    def __init__(self, config: Config, incoming: Mapping[str, Any]) -> None:
        super().__init__(config, incoming)
        widths = [incoming[name].shape[-1] for name in ("first", "second")]
        if widths[0] != widths[1]:
            raise ValueError(f"Features of {widths[0]} and {widths[1]} numbers cannot be mixed; both must be as wide.")

    def forward(self, first: Tensor, second: Tensor) -> dict[str, Any]:
        """[B, D] twice to [B, D]."""
        share_B1 = self.shares(first)
        return {"embedding": share_B1 * first + (1 - share_B1) * second}

    def shares(self, first_BD: Tensor) -> Tensor:
        """The first's share of each sample's mixture [B, 1]."""
        share_B1 = first_BD.new_full((len(first_BD), 1), self.config.evaluated)
        if not self.training or first_BD.device.type == "meta":
            return share_B1
        two_B2 = torch._standard_gamma(share_B1.new_full((len(first_BD), 2), self.config.concentration))
        return two_B2[:, :1] / two_B2.sum(1, keepdim=True).clamp_min(torch.finfo(two_B2.dtype).tiny)

    def detail(self) -> str:
        """The concentration."""
        return f"a {self.config.concentration:g}"

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Features of three samples."""
        return {"first": torch.randn(3, 4), "second": torch.randn(3, 4)}
